// Order entry that outlives its connections: proto/README.md, "Commands and refs" and "Streams and resume".

#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "connection.hpp"

namespace carbonmatch {

/// Sends each command once and tells of each report once, in order, through lost connections and restarts of the
/// engine.
class Session : public Client {
 public:
  struct Callbacks {
    std::function<void()> ready;  // after every logon, once all is resumed
    std::function<void(std::uint32_t tag, const msgpack::object&)> report;
    std::function<void(const SessionRejected&)> refused;
    std::function<void()> lost;
    std::function<void(const std::string& reason)> end;
  };

  /// `next_seq` is one above the last report that was processed; 1 replays the whole stream, which tells a program
  /// that has just been started all that it has forgotten.
  Session(Access access, Callbacks callbacks, std::uint64_t next_seq = 1)
      : Client(std::move(access), Role::TRADE), callbacks_(std::move(callbacks)), next_seq_(next_seq) {}

  /// One above the last report that came.
  std::uint64_t next_seq() const override { return next_seq_; }

  /// Before the first logon nobody knows which refs are used, and nothing can be sent.
  bool can_send() const { return last_ref_.has_value(); }

  /// Sends a command under the next ref, and returns it: it names the order that the command makes.
  template <class Command>
  std::uint64_t submit(Command command) {
    if (!can_send()) throw std::logic_error("which refs are used is known after the first logon only");
    command.ref = ++*last_ref_;
    const auto& bytes = unanswered_[command.ref] = packed(command);
    // What is sent while there is no connection goes out with the next one.
    if (is_ready_) send_packed(bytes, 1);
    return command.ref;
  }

 private:
  static constexpr std::size_t AGAIN_AT_ONCE = 64;

  void on_accepted(const LogonAccepted& accepted) override {
    applied_ref_ = accepted.last_ref;
    last_ref_ = std::max(last_ref_.value_or(0), accepted.last_ref);
    if (next_seq_ == 0) {
      next_seq_ = accepted.next_seq;
      answered_ref_ = accepted.last_ref;
    }
    ready_if_resumed();
  }

  void on_message(std::uint32_t tag, const msgpack::object& object) override {
    if (tag == SessionRejected::TAG) {
      const auto rejected = object.as<SessionRejected>();
      unanswered_.erase(rejected.ref);
      return callbacks_.refused(rejected);
    }
    // All reports, also those of a later version, begin like this one.
    const auto report = object.as<Rejected>();
    unanswered_.erase(report.ref);
    // An answer that was there before: what it says was told then.
    if (report.flags & ReportFlag::POSSIBLE_DUPLICATE) return;
    // Data is missing: log on again, and it comes.
    if (report.seq != next_seq_) return reconnect();
    ++next_seq_;
    answered_ref_ = std::max(answered_ref_, report.ref);
    callbacks_.report(tag, object);
    ready_if_resumed();
  }

  /// Once all that was applied is answered, what is not answered was lost on the way: send it again.
  void ready_if_resumed() {
    if (is_ready_ || answered_ref_ < applied_ref_) return;
    is_ready_ = true;
    for (auto command = unanswered_.begin(); command != unanswered_.end();) {
      std::string some;
      std::size_t count = 0;
      for (; command != unanswered_.end() && count < AGAIN_AT_ONCE; ++command, ++count) some += command->second;
      send_packed(some, count);
    }
    callbacks_.ready();
  }

  void on_lost() override {
    is_ready_ = false;
    callbacks_.lost();
  }

  void on_end(const std::string& reason) override { callbacks_.end(reason); }

  Callbacks callbacks_;
  std::uint64_t next_seq_;
  std::optional<std::uint64_t> last_ref_;             // the highest that is used
  std::uint64_t answered_ref_ = 0;                    // the highest that a report has answered
  std::uint64_t applied_ref_ = 0;                     // the highest that the engine had applied at the logon
  std::map<std::uint64_t, std::string> unanswered_;   // commands by ref, as they were sent
  bool is_ready_ = false;
};

}  // namespace carbonmatch
