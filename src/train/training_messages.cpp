// Writes, reads and checks the messages of processes that train.
#include "train/training_messages.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/text.h"
#include "hypertune/storage.h"

namespace hypertune {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kShownBytes = 60;
/// An object of metrics, parameters or options in the message.
constexpr int kDeepest = 2;
constexpr std::array kDecisions = {Decision::Continue, Decision::Stop, Decision::Pause};
/// How a training can end.
constexpr std::array kEnds = {TrialState::Paused, TrialState::Complete, TrialState::Pruned,
                              TrialState::Failed};
constexpr std::array kFailures = {Failure::None, Failure::Error, Failure::Interrupted};

[[noreturn]] void garbled(std::string_view key) {
  throw GarbledMessage(fmt::format("a message without a good \"{}\"", key));
}

const Json& part(const Json& head, const char* key) {
  const auto found = head.find(key);
  if (found == head.end()) garbled(key);
  return *found;
}

/// The one of `all` that is called so.
template <typename T, std::size_t n>
T named(const std::array<T, n>& all, const Json& head, const char* key) {
  const std::string name = text_in(head, key);
  const auto found =
      std::ranges::find_if(all, [&](const T& candidate) { return to_string(candidate) == name; });
  if (found == all.end()) garbled(key);
  return *found;
}

std::size_t size_of_bytes(const Json& size) {
  if (!size.is_number_unsigned() || size.get<std::uint64_t>() > kMaxCheckpointBytes) {
    garbled("bytes");
  }
  return size.get<std::size_t>();
}

}  // namespace

void Channel::send(const Json& head, std::optional<std::string_view> bytes) {
  Json line = head;
  if (bytes) line["bytes"] = bytes->size();
  write(dump_json(line) + "\n");
  if (bytes) write(*bytes);
}

Message Channel::receive() {
  std::size_t end = 0;
  while ((end = received_.find('\n')) == std::string::npos) {
    if (received_.size() > kMaxMessageHead) throw GarbledMessage("a line that does not end");
    read_more();
  }
  const std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  if (is_nested_deeper(line, kDeepest)) throw GarbledMessage("a line that is nested too deeply");
  Message message;
  try {
    message.head = parse_json(line);
  } catch (const Error&) {
    throw GarbledMessage(fmt::format("\"{}\", which is no JSON", shorten(line, kShownBytes)));
  }
  if (!message.head.is_object()) throw GarbledMessage("a line that is no JSON object");
  if (const auto size = message.head.find("bytes"); size != message.head.end()) {
    const std::size_t wanted = size_of_bytes(*size);
    while (received_.size() < wanted) read_more();
    message.bytes = received_.substr(0, wanted);
    received_.erase(0, wanted);
  }
  return message;
}

void Channel::write(std::string_view text) {
  if (write_all(out_.number(), text)) return;
  throw ChannelClosed(fmt::format("cannot write: {}", std::strerror(errno)));
}

void Channel::read_more() {
  std::array<char, kChunk> buffer;
  ssize_t n = 0;
  do {
    n = ::read(in_.number(), buffer.data(), buffer.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) throw ChannelClosed(fmt::format("cannot read: {}", std::strerror(errno)));
  if (n == 0) throw ChannelClosed("nobody writes any more");
  received_.append(buffer.data(), static_cast<std::size_t>(n));
}

std::string text_in(const Json& head, const char* key) {
  const Json& text = part(head, key);
  if (!text.is_string()) garbled(key);
  return text.get<std::string>();
}

bool flag_in(const Json& head, const char* key) {
  const Json& flag = part(head, key);
  if (!flag.is_boolean()) garbled(key);
  return flag.get<bool>();
}

std::int64_t whole_in(const Json& head, const char* key) {
  const Json& number = part(head, key);
  if (!number.is_number_integer()) garbled(key);
  return number.get<std::int64_t>();
}

Metrics metrics_in(const Json& head) {
  const Json& metrics = part(head, "metrics");
  if (!metrics.is_object()) garbled("metrics");
  return metrics_from_json(metrics);
}

Json to_json(const TrainerOptions& options) {
  Json json = Json::object();
  for (const TrainerOption& option : trainer_options()) {
    json[std::string(option.name)] = to_json(options.get(option.name));
  }
  return json;
}

TrainerOptions options_in(const Json& head) {
  TrainerOptions options;
  for (const auto& [name, value] : part(head, "options").items()) {
    options.set(name, value_from_json(value));
  }
  return options;
}

Json to_json(const TrialStart& start) {
  return {{"params", to_json(start.params)},
          {"seed", start.seed},
          {"goes_on", start.goes_on},
          {"may_save_checkpoint", start.may_save_checkpoint}};
}

TrialStart start_in(Message message) {
  return {.params = params_from_json(part(message.head, "params")),
          .seed = part(message.head, "seed").get<std::uint64_t>(),
          .checkpoint = std::move(message.bytes),
          .goes_on = flag_in(message.head, "goes_on"),
          .may_save_checkpoint = flag_in(message.head, "may_save_checkpoint")};
}

Json to_json(const ReportAnswer& answer) {
  return {{"decision", to_string(answer.decision)},
          {"wants_checkpoint", answer.wants_checkpoint},
          {"interrupted", answer.interrupted}};
}

ReportAnswer answer_in(const Json& head) {
  return {named(kDecisions, head, "decision"), flag_in(head, "wants_checkpoint"),
          flag_in(head, "interrupted")};
}

Json to_json(const Outcome& outcome) {
  return {{"state", to_string(outcome.state)},
          {"metrics", to_json(outcome.metrics)},
          {"reason", outcome.reason},
          {"failure", to_string(outcome.failure)}};
}

Outcome outcome_in(const Json& head) {
  return {named(kEnds, head, "state"), metrics_in(head), text_in(head, "reason"),
          named(kFailures, head, "failure")};
}

}  // namespace hypertune
