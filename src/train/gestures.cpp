// The SmartWatch gestures: a zip of text files, `gestures-dataset/Uxx/gg/rr.txt`, one sequence
// each. A line is `milliseconds nanoseconds event-timestamp ax ay az`, accelerations in m/s^2.
#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "hypertune/error.h"
#include "train/datasets.h"
#include "train/split.h"

namespace hypertune {
namespace {

constexpr int kAxes = 3;
constexpr int kFields = 6;  ///< of a line; the last three are the axes
constexpr std::size_t kMaxMemberBytes = 1 << 20;
constexpr std::size_t kMaxSequences = 1'000'000;

struct Sequence {
  std::string user;
  std::string gesture;
  std::vector<float> values;  ///< [time, axes]
};

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// User and gesture by the path of a member; nothing for members that hold no sequence.
std::optional<Sequence> sequence_at(std::string_view path) {
  const std::vector<std::string> parts = split(path, '/');
  if (parts.size() < 3) return std::nullopt;
  const std::string_view file = parts[parts.size() - 1];
  const std::string& gesture = parts[parts.size() - 2];
  const std::string& user = parts[parts.size() - 3];
  if (!file.ends_with(".txt") || !all_digits(file.substr(0, file.size() - 4))) return std::nullopt;
  if (!all_digits(gesture) || !user.starts_with('U') || !all_digits(user.substr(1)))
    return std::nullopt;
  return Sequence{user, gesture, {}};
}

/// Appends the axes of one line. Returns what is wrong with it.
std::optional<std::string> parse_line(std::string_view line, std::vector<float>& values) {
  std::array<double, kFields> fields;
  int n = 0;
  const char* at = line.data();
  const char* const end = at + line.size();
  for (;;) {
    while (at != end && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
    if (at == end) break;
    const char* stop =
        std::find_if(at, end, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
    if (n == kFields) return fmt::format("more than {} numbers", kFields);
    const auto [next, fault] = std::from_chars(at, stop, fields[n]);
    if (fault != std::errc() || next != stop || !std::isfinite(fields[n]))
      return fmt::format("\"{}\" is not a number", shorten(std::string_view(at, stop - at), 40));
    ++n;
    at = stop;
  }
  if (n != kFields) return fmt::format("{} instead of {}", count_of(n, "number"), kFields);
  for (int axis = kFields - kAxes; axis < kFields; ++axis)
    values.push_back(static_cast<float>(fields[axis]));
  return std::nullopt;
}

void parse_sequence(std::string_view text, const std::string& place, Sequence& sequence) {
  int number = 0;
  while (!text.empty()) {
    ++number;
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (trim(line).empty()) continue;
    if (const auto fault = parse_line(line, sequence.values))
      throw DataError(fmt::format("{}:{}: {}; replace the archive", place, number, *fault));
  }
  if (sequence.values.empty())
    throw DataError(
        fmt::format("{}: empty, where samples are expected; replace the archive", place));
}

/// The sequences of an archive, by path.
std::map<std::string, Sequence> read_sequences(const std::filesystem::path& zip,
                                               const std::string& bytes) {
  const std::unique_ptr<archive, decltype(&::archive_read_free)> owner(::archive_read_new(),
                                                                       &::archive_read_free);
  archive* in = owner.get();
  const auto damaged = [&](std::string_view member) {
    const char* reason = ::archive_error_string(in);
    throw DataError(fmt::format("{}: damaged archive: {}; replace the file",
                                zip.string() + (member.empty() ? "" : ":") + std::string(member),
                                reason == nullptr ? "unknown fault" : reason));
  };
  ::archive_read_support_format_zip_seekable(in);
  if (::archive_read_open_memory(in, bytes.data(), bytes.size()) != ARCHIVE_OK) damaged("");
  std::map<std::string, Sequence> sequences;
  std::vector<char> buffer(kMaxMemberBytes);
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = ::archive_read_next_header(in, &entry);
    if (status == ARCHIVE_EOF) return sequences;
    if (status != ARCHIVE_OK) damaged("");
    const char* path = ::archive_entry_pathname(entry);
    auto sequence = sequence_at(path == nullptr ? "" : path);
    if (!sequence) continue;
    const la_ssize_t n = ::archive_read_data(in, buffer.data(), buffer.size());
    if (n < 0) damaged(path);
    const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() == kMaxMemberBytes || sequences.size() == kMaxSequences)
      throw DataError(fmt::format("{}:{}: larger than any sequence", zip.string(), path));
    parse_sequence(text, zip.string() + ":" + path, *sequence);
    sequences.insert_or_assign(path, std::move(*sequence));
  }
}

std::string read_bytes(const std::filesystem::path& zip) {
  try {
    return read_file(zip);
  } catch (const Error& fault) {
    throw DataError(fault.what());
  }
}

/// The names, in order, with their places.
std::map<std::string, int> numbered(const std::set<std::string>& names) {
  std::map<std::string, int> numbers;
  for (const std::string& name : names) numbers.emplace(name, static_cast<int>(numbers.size()));
  return numbers;
}

}  // namespace

Dataset read_gestures(const std::filesystem::path& zip, std::string_view expected_sha256,
                      const Selection& selection) {
  Dataset data;
  std::map<std::string, Sequence> sequences;
  {
    const std::string bytes = read_bytes(zip);
    data.sha256 = sha256(bytes);
    verify_sha256(zip, data.sha256, expected_sha256);
    sequences = read_sequences(zip, bytes);
  }
  if (sequences.empty())
    throw DataError(
        fmt::format("{}: holds no sequences named Uxx/gg/rr.txt; replace the file", zip.string()));
  std::set<std::string> users;
  std::set<std::string> gestures;
  std::size_t longest = 0;
  for (const auto& [path, sequence] : sequences) {
    users.insert(sequence.user);
    gestures.insert(sequence.gesture);
    longest = std::max(longest, sequence.values.size());
  }
  const auto user_numbers = numbered(users);
  const auto labels = numbered(gestures);

  data.name = "gestures";
  data.source = "https://tev.fbk.eu/resources/smartwatch";
  data.citation =
      "G. Costante, L. Porzi, O. Lanz, P. Valigi, E. Ricci: Personalizing a smartwatch-based "
      "gesture interface with transfer learning, EUSIPCO 2014";
  data.note =
      fmt::format("accelerations in m/s^2, filled up with zeros to {} samples", longest / kAxes);
  data.shape = {
      .height = 1, .width = static_cast<std::int64_t>(longest / kAxes), .channels = kAxes};
  data.classes.assign(gestures.begin(), gestures.end());
  data.users.assign(users.begin(), users.end());
  data.values.reserve(sequences.size() * longest);
  for (const auto& [path, sequence] : sequences) {
    data.values.insert(data.values.end(), sequence.values.begin(), sequence.values.end());
    data.values.resize(data.values.size() + longest - sequence.values.size());
    data.labels.push_back(labels.at(sequence.gesture));
    data.user_of.push_back(user_numbers.at(sequence.user));
  }
  return selection.max_samples > 0 ? subset(data, selection) : data;
}

}  // namespace hypertune
