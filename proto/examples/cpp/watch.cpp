// Books as they change, a line each: instrument_seq, then each side's levels as PRICE:LOTS:ORDERS, the best first.
//
//     build/watch HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS]

#include <poll.h>

#include <iostream>

#include "feed.hpp"

using namespace carbonmatch;

namespace {

template <class Levels>
void print_side(const Levels& levels) {
  const char* separator = "";
  for (const auto& [price_ticks, level] : levels) {
    std::cout << separator << price_ticks << ':' << level.lots << ':' << level.orders;
    separator = ",";
  }
}

void print(std::uint64_t instrument_id, const Book& book) {
  std::cout << "book " << instrument_id << ' ' << book.seq << " BUY ";
  print_side(book.bids);
  std::cout << " SELL ";
  print_side(book.asks);
  std::cout << std::endl;
}

}  // namespace

int main(int count, char** arguments) try {
  Feed feed(access_from(count, arguments),
            {
                print,
                [] { std::cout << "lost" << std::endl; },
                [](const std::string& reason) { std::cout << "end " << reason << std::endl; },
            });
  while (!feed.is_over()) {
    pollfd ready{feed.fd(), POLLIN, 0};
    poll(&ready, 1, feed.wait_ms());
    feed.work();
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
