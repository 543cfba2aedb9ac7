// Messages between the program and a process that trains for it: a line of JSON, and perhaps bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/process.h"
#include "hypertune/error.h"
#include "train/trial_training.h"

namespace hypertune {

/// A longer line is no message; this is room for many parameters.
inline constexpr std::size_t kMaxMessageHead = 1 << 20;

struct Message {
  Json head = Json::object();             ///< an object; key `bytes` is the channel's
  std::optional<std::string> bytes = {};  ///< a checkpoint
};

/// The other side has closed the channel.
class ChannelClosed : public Error {
 public:
  using Error::Error;
};

/// What was received is no message of ours.
class GarbledMessage : public Error {
 public:
  using Error::Error;
};

/// Both directions, over two pipes. Whoever uses it must not be ended by SIGPIPE.
class Channel {
 public:
  Channel(FileDescriptor in, FileDescriptor out) : in_(std::move(in)), out_(std::move(out)) {}

  /// Throws ChannelClosed.
  void send(const Json& head, std::optional<std::string_view> bytes = {});
  /// Waits for a message. Throws ChannelClosed and GarbledMessage.
  Message receive();

 private:
  void write(std::string_view text);
  void read_more();

  FileDescriptor in_;
  FileDescriptor out_;
  std::string received_;
};

// Parts of messages. What reads them throws GarbledMessage for what is not there, or not so.
std::string text_in(const Json& head, const char* key);
bool flag_in(const Json& head, const char* key);
std::int64_t whole_in(const Json& head, const char* key);
Metrics metrics_in(const Json& head);

Json to_json(const TrainerOptions& options);
TrainerOptions options_in(const Json& head);

Json to_json(const TrialStart& start);  ///< without the checkpoint
TrialStart start_in(Message message);

Json to_json(const ReportAnswer& answer);
ReportAnswer answer_in(const Json& head);

Json to_json(const Outcome& outcome);
Outcome outcome_in(const Json& head);

}  // namespace hypertune
