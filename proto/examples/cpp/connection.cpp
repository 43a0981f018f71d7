#include "connection.hpp"

#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>

namespace carbonmatch {
namespace {

constexpr std::uint64_t VERSION = 1;
constexpr std::size_t FRAME_BYTES_MAX = 64 * 1024 * 1024;

// After these nothing gets better by trying again.
bool is_final(LogoutReason reason) {
  return reason == LogoutReason::TAKEN_OVER || reason == LogoutReason::PROTOCOL_ERROR ||
         reason == LogoutReason::HISTORY_LOST || reason == LogoutReason::NOT_ENTITLED ||
         reason == LogoutReason::REQUESTED;
}

std::uint32_t big_endian(const char* bytes) {
  std::uint32_t number = 0;
  for (int at = 0; at < 4; ++at) number = number << 8 | static_cast<unsigned char>(bytes[at]);
  return number;
}

std::vector<unsigned char> sign(const std::array<unsigned char, 32>& private_key, const std::string& text) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, private_key.data(), private_key.size()),
      EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::vector<unsigned char> signature(64);
  std::size_t size = signature.size();
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, bytes, text.size()) != 1) {
    throw std::runtime_error("OpenSSL does not sign");
  }
  return signature;
}

/// A connected socket, or -1.
int connected(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return -1;
  int fd = -1;
  for (const addrinfo* each = found; each != nullptr && fd < 0; each = each->ai_next) {
    fd = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
    if (fd >= 0 && connect(fd, each->ai_addr, each->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  const int yes = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

}  // namespace

Access access_from(int count, char** arguments) {
  const std::string address = count > 1 ? arguments[1] : "";
  const auto colon = address.rfind(':');
  if (count < 5 || colon == std::string::npos) {
    throw std::invalid_argument("expected HOST:PORT KEY_ID SESSION PRIVATE_KEY_FILE [HEARTBEAT_MS]");
  }
  Access access{address.substr(0, colon), address.substr(colon + 1), arguments[2], arguments[3], {}};
  std::string digits;
  std::ifstream(arguments[4]) >> digits;
  if (digits.size() != 64) throw std::invalid_argument("expected a key of 64 hexadecimal digits");
  for (std::size_t at = 0; at < 32; ++at) {
    access.private_key[at] = static_cast<unsigned char>(std::stoi(digits.substr(2 * at, 2), nullptr, 16));
  }
  if (count > 5) access.heartbeat_ms = std::stoull(arguments[5]);
  return access;
}

Client::~Client() {
  if (fd_ >= 0) close(fd_);
}

int Client::wait_ms() const {
  using std::chrono::milliseconds;
  if (fd_ >= 0) return static_cast<int>(access_.heartbeat_ms / 4);
  const auto left = std::chrono::duration_cast<milliseconds>(retry_at_ - Clock::now()).count();
  return static_cast<int>(std::max<long long>(left + 1, 0));
}

void Client::work() {
  if (is_over_) return;
  if (fd_ < 0) {
    if (Clock::now() >= retry_at_) connect();
    return;
  }
  read();
  if (fd_ < 0) return;
  if (Clock::now() - heard_at_ >= 3 * heartbeat()) return reconnect();
  if (is_logged_on_ && Clock::now() - sent_at_ >= heartbeat() / 2) send(Heartbeat{});
}

void Client::log_out() {
  is_leaving_ = true;
  send(Logout{});
}

void Client::reconnect() {
  disconnect();
  if (is_leaving_) return end("");
  on_lost();
}

// --- frames --------------------------------------------------------------------------------------------------------

void Client::send_packed(const std::string& messages, std::size_t count) {
  msgpack::sbuffer head;
  msgpack::packer<msgpack::sbuffer>(head).pack_array(static_cast<std::uint32_t>(count));
  const std::size_t length = head.size() + messages.size();
  std::string frame;
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(length >> shift);
  frame.append(head.data(), head.size()).append(messages);
  // Waits while the engine does not read. If it is gone, reading will say so.
  for (std::size_t at = 0; at < frame.size();) {
    const ssize_t written = ::send(fd_, frame.data() + at, frame.size() - at, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    at += static_cast<std::size_t>(written);
  }
  sent_at_ = Clock::now();
}

void Client::read() {
  char chunk[65536];
  const ssize_t size = recv(fd_, chunk, sizeof chunk, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (size <= 0) return reconnect();
  heard_at_ = Clock::now();
  received_.append(chunk, static_cast<std::size_t>(size));
  std::size_t at = 0;
  while (fd_ >= 0 && received_.size() - at >= 4) {
    const std::size_t length = big_endian(received_.data() + at);
    if (length == 0 || length > FRAME_BYTES_MAX) throw std::runtime_error("a frame of " + std::to_string(length) + " bytes");
    if (received_.size() - at < 4 + length) break;
    // The messages are good for as long as this handle lives.
    const auto payload = msgpack::unpack(received_.data() + at + 4, length);
    at += 4 + length;
    for (const auto& message : payload.get().as<std::vector<msgpack::object>>()) {
      if (fd_ < 0) break;
      take(message);
    }
  }
  if (fd_ >= 0) received_.erase(0, at);
}

void Client::take(const msgpack::object& object) {
  const auto tag = object.as<std::vector<msgpack::object>>().at(0).as<std::uint32_t>();
  switch (tag) {
    case Challenge::TAG:
      return log_on(object.as<Challenge>());
    case LogonAccepted::TAG:
      is_logged_on_ = true;
      tries_ = 0;
      return on_accepted(object.as<LogonAccepted>());
    case LogonRejected::TAG:
      return end(to_string(object.as<LogonRejected>().reason));
    case LoggedOut::TAG: {
      const LogoutReason reason = object.as<LoggedOut>().reason;
      return is_leaving_ || is_final(reason) ? end(to_string(reason)) : reconnect();
    }
    case HeartbeatAnswer::TAG:
      return;
    default:
      return on_message(tag, object);
  }
}

// --- the connection ------------------------------------------------------------------------------------------------

void Client::connect() {
  // Longer after each failure, and never all clients at once.
  static std::minstd_rand random(std::random_device{}());
  const double longest_ms = std::min(5000.0, 50.0 * (1 << std::min(tries_++, 10)));
  const auto pause = std::chrono::duration<double, std::milli>(std::uniform_real_distribution<>(0, longest_ms)(random));
  retry_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(pause);
  fd_ = connected(access_.host, access_.port);
  heard_at_ = sent_at_ = Clock::now();
}

void Client::disconnect() {
  close(fd_);
  fd_ = -1;
  is_logged_on_ = false;
  received_.clear();
}

void Client::end(const std::string& reason) {
  if (fd_ >= 0) disconnect();
  is_over_ = true;
  on_end(reason);
}

void Client::log_on(const Challenge& challenge) {
  Logon logon;
  logon.version_min = logon.version_max = VERSION;
  logon.key_id = access_.key_id;
  logon.session = access_.session;
  logon.role = role_;
  logon.next_seq = next_seq();
  logon.heartbeat_ms = access_.heartbeat_ms;
  logon.cancel_on_disconnect = false;
  logon.grace_ms = 0;
  const auto text = std::make_tuple(
      std::string("carbonmatch-logon-1"), challenge.server_id, challenge.nonce, logon.version_min, logon.version_max,
      logon.key_id, logon.session, logon.role, logon.next_seq, logon.heartbeat_ms, logon.cancel_on_disconnect,
      logon.grace_ms);
  logon.signature = sign(access_.private_key, packed(text));
  send(logon);
}

}  // namespace carbonmatch
