// Where a training stands, as bytes: a header with version and length, the fields, a checksum.
#include "train/checkpoint.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <type_traits>

#include "base/sha256.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are stored as they lie in memory");

constexpr std::string_view kMagic = "hypertune checkpoint\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 64;
constexpr std::size_t kHeaderBytes = kMagic.size() + sizeof kVersion + sizeof(std::uint64_t);

[[noreturn]] void fail(std::string_view what) {
  throw ConfigError(fmt::format("the checkpoint {}; begin the training anew", what));
}

template <typename T>
concept Number = std::is_arithmetic_v<T>;

class Writer {
 public:
  void operator()(const Number auto& number) { append(&number, sizeof number); }
  void operator()(const std::vector<float>& numbers) {
    (*this)(std::uint64_t{numbers.size()});
    append(numbers.data(), numbers.size() * sizeof(float));
  }
  void operator()(const Json& json) {
    const std::string text = dump_json(json);
    (*this)(std::uint64_t{text.size()});
    append(text.data(), text.size());
  }
  void append(const void* from, std::size_t size) {
    bytes.append(static_cast<const char*>(from), size);
  }

  std::string bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  void operator()(Number auto& number) {
    std::memcpy(&number, take(sizeof number).data(), sizeof number);
  }
  void operator()(bool& flag) {
    std::uint8_t byte = 0;
    (*this)(byte);
    flag = byte != 0;
  }
  void operator()(std::vector<float>& numbers) {
    const std::string_view bytes = take_array(sizeof(float));
    numbers.resize(bytes.size() / sizeof(float));
    if (!bytes.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  }
  void operator()(Json& json) { json = parse_json(take_array(1)); }

  bool at_end() const { return left_.empty(); }

 private:
  std::string_view take(std::uint64_t size) {
    if (size > left_.size()) fail("is damaged: a field reaches beyond its end");
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  std::string_view take_array(std::size_t element_bytes) {
    std::uint64_t count = 0;
    (*this)(count);
    if (count > left_.size()) fail("is damaged: a field reaches beyond its end");
    return take(count * element_bytes);
  }

  std::string_view left_;
};

/// Every field, in the order in which they are stored.
void transfer(auto& archive, auto& checkpoint) {
  archive(checkpoint.identity);
  archive(checkpoint.epochs);
  archive(checkpoint.last.train_loss);
  archive(checkpoint.last.val_loss);
  archive(checkpoint.last.val_accuracy);
  archive(checkpoint.last.diverged);
  archive(checkpoint.best_val_loss);
  archive(checkpoint.epochs_since_best);
  archive(checkpoint.schedule.plateau_scale);
  archive(checkpoint.schedule.best_loss);
  archive(checkpoint.schedule.bad_epochs);
  archive(checkpoint.optimizer_steps);
  archive(checkpoint.parameters);
  archive(checkpoint.statistics);
  archive(checkpoint.first_moments);
  archive(checkpoint.second_moments);
}

}  // namespace

std::string encode(const Checkpoint& checkpoint) {
  Writer fields;
  transfer(fields, checkpoint);
  Writer all;
  all.append(kMagic.data(), kMagic.size());
  all(kVersion);
  all(std::uint64_t{kHeaderBytes + fields.bytes.size() + kChecksumBytes});
  all.bytes += fields.bytes;
  return all.bytes + sha256(all.bytes);
}

Checkpoint decode(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) fail("is none: its first bytes are not those of a checkpoint");
  if (bytes.size() < kHeaderBytes) fail("is truncated within its header");
  Reader header(bytes.substr(kMagic.size()));
  std::uint32_t version = 0;
  std::uint64_t size = 0;
  header(version);
  header(size);
  if (version != kVersion) {
    fail(fmt::format("has version {}, and this program reads version {}", version, kVersion));
  }
  if (bytes.size() < size || bytes.size() < kHeaderBytes + kChecksumBytes) {
    fail(fmt::format("is truncated: {} of {} bytes are left", bytes.size(), size));
  }
  const std::string_view content = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (bytes.size() != size || bytes.substr(content.size()) != sha256(content)) {
    fail("is damaged: its checksum does not fit its content");
  }
  Checkpoint checkpoint;
  Reader fields(content.substr(kHeaderBytes));
  transfer(fields, checkpoint);
  if (!fields.at_end()) fail("is damaged: there is more in it than was stored");
  if (!checkpoint.identity.is_object() || checkpoint.epochs < 0 || checkpoint.optimizer_steps < 0) {
    fail("is damaged: a field has a value that none is stored with");
  }
  return checkpoint;
}

}  // namespace hypertune
