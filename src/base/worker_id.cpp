// Names of workers: host, process, time at which the process started.
#include "base/worker_id.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "base/text.h"

namespace hypertune {
namespace {

std::string host() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  // The boot tells machines of one name apart, the namespace the containers of one machine. Where
  // either cannot be read, nobody can tell whether a process of that place still lives.
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string boot;
  std::error_code error;
  const auto space = std::filesystem::read_symlink("/proc/self/ns/pid", error);
  if (!(in >> boot) || error) return {};
  std::string text = fmt::format("{}/{}/{}", name.data(), boot, space.string());
  std::erase(text, ':');
  return text;
}

bool exists(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

struct Process {
  char state = '?';
  std::string start;  // in clock ticks since the boot
};

/// From /proc; nothing when there is no such process. (A zombie is one still: see its state.)
std::optional<Process> process(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  // The name is in parentheses and may hold blanks; the fields that follow do not.
  std::istringstream rest(line.substr(line.rfind(')') + 1));
  Process result;
  rest >> result.state;
  constexpr int kFieldsBetweenStateAndStart = 18;
  for (int i = 0; i <= kFieldsBetweenStateAndStart; ++i) rest >> result.start;
  return result;
}

}  // namespace

std::string worker_id(int index) {
  // Put together once for each thread of a process: a child that was forked is another process.
  thread_local pid_t owner = 0;
  thread_local std::string name;
  if (const pid_t pid = ::getpid(); owner != pid) {
    const auto self = process(pid);
    name = fmt::format("{}:{}:{}", host(), pid, self ? self->start : "?");
    owner = pid;
  }
  return name + ':' + std::to_string(index);
}

bool worker_is_dead(std::string_view id) {
  const std::vector<std::string> parts = split(id, ':');
  if (parts.size() != 4 || parts[0].empty() || parts[0] != host()) return false;
  pid_t pid = 0;
  const auto [end, error] =
      std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), pid);
  if (error != std::errc() || end != parts[1].data() + parts[1].size()) return false;
  if (!exists(pid)) return true;
  const auto other = process(pid);
  return other && (other->state == 'Z' || other->start != parts[2]);
}

}  // namespace hypertune
