// Pipes to and from a script.
#include "support/obedient_program.h"

#include <unistd.h>

#include <array>

#include "hypertune/error.h"

namespace hypertune::testing_support {
namespace {

constexpr std::chrono::seconds kTimeToEnd{30};

}  // namespace

ObedientProgram::ObedientProgram(std::vector<std::string> argv) {
  Pipe in = open_pipe();
  Pipe out = open_pipe();
  process_.emplace(ProcessOptions{
      .argv = std::move(argv),
      .descriptors = {{0, in.read.number()}, {1, out.write.number()}, {2, STDERR_FILENO}}});
  to_ = std::move(in.write);
  from_ = std::move(out.read);
  out.write.close();
  first_line_ = read_line();
}

ObedientProgram::~ObedientProgram() {
  to_.close();
  process_->wait_until(std::chrono::steady_clock::now() + kTimeToEnd);
}

std::string ObedientProgram::tell(const std::string& command) {
  const std::string line = command + "\n";
  if (::write(to_.number(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    throw Error("the script takes no commands");
  }
  return read_line();
}

std::string ObedientProgram::read_line() {
  std::array<char, 4096> buffer{};
  while (unread_.find('\n') == std::string::npos) {
    const ssize_t n = ::read(from_.number(), buffer.data(), buffer.size());
    if (n <= 0) throw Error("the script ended: " + unread_);
    unread_.append(buffer.data(), static_cast<std::size_t>(n));
  }
  const auto end = unread_.find('\n');
  std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return line;
}

}  // namespace hypertune::testing_support
