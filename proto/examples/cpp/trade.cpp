// An order ticket on standard input, reports on standard output.
//
//     build/trade HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS]
//
//     buy 1 10 7000      10 lots of instrument 1 at 7000 ticks, until cancelled; `sell` likewise
//     cancel 4           the order that the command with ref 4 has made
//     quit

#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <sstream>

#include "session.hpp"

using namespace carbonmatch;

namespace {

struct PrintField {
  template <class Value>
  void operator()(const char* name, const Value& value) const {
    std::cout << ' ' << name << '=';
    if constexpr (std::is_enum_v<Value>) std::cout << to_string(value);
    else std::cout << value;
  }
};

template <class Report>
void print(const Report& report) {
  std::cout << Report::NAME;
  report.each_field(PrintField{});
  std::cout << std::endl;
}

template <class... Reports>
bool print_if_one_of(std::uint32_t tag, const msgpack::object& object) {
  return ((tag == Reports::TAG && (print(object.as<Reports>()), true)) || ...);
}

void print_report(std::uint32_t tag, const msgpack::object& object) {
  // What orders like these can cause.
  if (print_if_one_of<Accepted, Rejected, Executed, Canceled, SelfTradePrevented>(tag, object)) return;
  const auto head = object.as<Rejected>();
  std::cout << "message-" << tag << " seq=" << head.seq << " ref=" << head.ref << std::endl;
}

void obey(Session& session, const std::string& line) {
  std::istringstream words(line);
  std::string word;
  words >> word;
  if (word == "quit") return session.log_out();
  if (word == "buy" || word == "sell") {
    NewOrder order;
    order.side = word == "buy" ? Side::BUY : Side::SELL;
    order.time_in_force = TimeInForce::GTC;
    if (words >> order.instrument_id >> order.quantity_lots >> order.price_ticks) {
      std::cout << "sent " << session.submit(order) << std::endl;
      return;
    }
  } else if (word == "cancel") {
    Cancel cancel;
    if (words >> cancel.order_ref) {
      std::cout << "sent " << session.submit(cancel) << std::endl;
      return;
    }
  }
  std::cerr << "buy INSTRUMENT LOTS TICKS, sell INSTRUMENT LOTS TICKS, cancel REF, or quit\n";
}

/// Whole lines of what can be read now; false at the end of the input.
bool read_lines(std::string& rest, Session& session) {
  char chunk[4096];
  const ssize_t size = read(STDIN_FILENO, chunk, sizeof chunk);
  if (size <= 0) return false;
  rest.append(chunk, static_cast<std::size_t>(size));
  for (std::size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
    obey(session, rest.substr(0, end));
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) try {
  Session* session = nullptr;
  Session made(access_from(count, arguments),
               {
                   [&] { std::cout << "ready next_seq=" << session->next_seq() << std::endl; },
                   print_report,
                   print<SessionRejected>,
                   [] { std::cout << "lost" << std::endl; },
                   [](const std::string& reason) { std::cout << "end " << reason << std::endl; },
               });
  session = &made;
  std::string rest;
  bool has_input = true;
  while (!made.is_over()) {
    pollfd ready[] = {{made.fd(), POLLIN, 0}, {has_input && made.can_send() ? STDIN_FILENO : -1, POLLIN, 0}};
    poll(ready, 2, made.wait_ms());
    made.work();
    if (ready[1].revents && !made.is_over()) has_input = read_lines(rest, made);
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
