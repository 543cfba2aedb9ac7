// Bytes to a server of this machine and back, as no well-behaved client would send them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hypertune::testing_support {

class RawConnection {
 public:
  explicit RawConnection(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ::close(socket_);
      throw std::runtime_error("cannot connect");
    }
  }
  ~RawConnection() { ::close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  /// False when the server does not take it any more.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Everything so far, once `enough` of it is there or the server has closed the connection.
  const std::string& read_until(const std::function<bool(std::string_view)>& enough,
                                std::chrono::seconds limit = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!is_closed_ && !enough(text_) && std::chrono::steady_clock::now() < end) {
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, 100) <= 0) continue;
      std::array<char, 65536> bytes{};
      const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
      is_closed_ = got <= 0;
      if (got > 0) text_.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text_;
  }
  const std::string& read_until(const char* words) {
    return read_until([=](std::string_view text) { return text.find(words) != text.npos; });
  }
  const std::string& read_to_end() {
    return read_until([](std::string_view) { return false; });
  }
  bool is_closed() const { return is_closed_; }

 private:
  int socket_;
  bool is_closed_ = false;
  std::string text_;
};

/// What the server answers to these bytes until it closes the connection.
inline std::string answer_to(int port, std::string_view bytes) {
  RawConnection connection(port);
  connection.send(bytes);
  return connection.read_to_end();
}

}  // namespace hypertune::testing_support
