// One connection, kept: frames, logon, heartbeats, and connecting again. proto/README.md, "Frames", "Logon" and
// "Heartbeats, logout and silence".

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "messages.hpp"

namespace carbonmatch {

struct Access {
  std::string host;
  std::string port;
  std::string key_id;
  std::string session;
  std::array<unsigned char, 32> private_key;  // Ed25519
  std::uint64_t heartbeat_ms = 1000;
};

/// From the arguments HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS]; throws std::invalid_argument.
Access access_from(int count, char** arguments);

/// A message as MessagePack.
template <class Message>
std::string packed(const Message& message) {
  msgpack::sbuffer buffer;
  msgpack::pack(buffer, message);
  return {buffer.data(), buffer.size()};
}

/// What sessions and feeds have in common. Whoever owns one waits until `fd()` can be read or `wait_ms()` has passed,
/// calls `work()`, and so on until `is_over()`. Nothing here needs a thread.
class Client {
 public:
  virtual ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int fd() const { return fd_; }  // -1 while there is no connection: poll() leaves it out then
  int wait_ms() const;
  void work();
  bool is_over() const { return is_over_; }

  /// Leave: the engine answers what came before, says LoggedOut and closes.
  void log_out();

 protected:
  Client(Access access, Role role) : access_(std::move(access)), role_(role) {}

  /// Which report is wanted first; asked at every logon.
  virtual std::uint64_t next_seq() const = 0;
  virtual void on_accepted(const LogonAccepted& accepted) = 0;
  /// `object` is good until this returns.
  virtual void on_message(std::uint32_t tag, const msgpack::object& object) = 0;
  virtual void on_lost() = 0;
  virtual void on_end(const std::string& reason) = 0;

  /// One frame with this message.
  template <class Message>
  void send(const Message& message) {
    send_packed(packed(message), 1);
  }
  /// One frame with `count` messages that are packed already, at most 128.
  void send_packed(const std::string& messages, std::size_t count);
  /// Log on again: something is missing.
  void reconnect();

 private:
  using Clock = std::chrono::steady_clock;

  void connect();
  void disconnect();
  void read();
  void take(const msgpack::object& object);
  void log_on(const Challenge& challenge);
  void end(const std::string& reason);
  std::chrono::milliseconds heartbeat() const { return std::chrono::milliseconds(access_.heartbeat_ms); }

  const Access access_;
  const Role role_;
  int fd_ = -1;
  std::string received_;  // the beginning of a frame
  bool is_logged_on_ = false;
  bool is_leaving_ = false;
  bool is_over_ = false;
  int tries_ = 0;
  Clock::time_point retry_at_ = Clock::now();
  Clock::time_point heard_at_;
  Clock::time_point sent_at_;
};

}  // namespace carbonmatch
