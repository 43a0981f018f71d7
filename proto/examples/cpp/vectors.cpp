// Reads messages as hexadecimal, a line each, and writes each again from the struct that it became: NAME HEX.

#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

#include "messages.hpp"

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::string bytes;
    for (std::size_t at = 0; at + 1 < line.size(); at += 2) {
      bytes += static_cast<char>(std::strtol(line.substr(at, 2).c_str(), nullptr, 16));
    }
    const auto handle = msgpack::unpack(bytes.data(), bytes.size());
    const bool is_known = carbonmatch::visit_message(handle.get(), [](const auto& message) {
      std::ostringstream packed, hex;
      msgpack::pack(packed, message);
      for (const unsigned char byte : packed.str()) {
        hex << std::hex << std::setw(2) << std::setfill('0') << static_cast<int>(byte);
      }
      std::cout << message.NAME << ' ' << hex.str() << '\n';
    });
    if (!is_known) std::cout << "unknown\n";
  }
}
