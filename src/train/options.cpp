// Options of the trainer: one table of names, types, legal values and help texts.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "hypertune/error.h"
#include "hypertune/trainer.h"
#include "train/datasets.h"

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMaxBlocks = 12;

/// Numbers between two ends; `open` ends do not belong to them.
struct Range {
  double low;
  double high;
  bool low_open = false;
  bool high_open = false;

  bool contains(double x) const {
    return (low_open ? x > low : x >= low) && (high_open ? x < high : x <= high);
  }
  std::string text(std::string_view kind) const {
    std::string text =
        fmt::format("{} {} {}", kind, low_open ? "above" : "from", format_number(low));
    if (high == kInfinity) return text;
    return text + fmt::format(" {} {}", high_open ? "to below" : "to", format_number(high));
  }
};

constexpr Range kInsideUnit{.low = 0, .high = 1, .low_open = true, .high_open = true};
constexpr Range kBelowOne{.low = 0, .high = 1, .high_open = true};
constexpr Range kPositive{.low = 0, .high = kInfinity, .low_open = true, .high_open = true};
constexpr Range kNotNegative{.low = 0, .high = kInfinity, .high_open = true};

struct Flag {
  bool TrainerOptions::*member;
};
struct Integer {
  std::int64_t TrainerOptions::*member;
  Range range;
};
struct IntegerList {
  std::vector<std::int64_t> TrainerOptions::*member;
  Range range;
};
struct Real {
  double TrainerOptions::*member;
  Range range;
};
struct Word {
  std::string TrainerOptions::*member;
  std::vector<std::string> words;
};
struct WordList {
  std::vector<std::string> TrainerOptions::*member;
  std::vector<std::string> words;
};
using Kind = std::variant<Flag, Integer, IntegerList, Real, Word, WordList>;

/// Whether trials may differ in an option.
enum class Scope : std::uint8_t { Study, Trial };

struct Row {
  std::string_view name;
  std::string_view help;
  Kind kind;
  Scope scope = Scope::Trial;
};

using Options = TrainerOptions;

const std::vector<Row>& table() {
  static const std::vector<Row> rows = {
      {"model", "kind of network: cnn", Word{&Options::model, {"cnn"}}, Scope::Study},
      {"dataset", "data sets; the first that can be had is used",
       WordList{&Options::dataset, dataset_names()}, Scope::Study},
      {"split", "random, or by-user: whole users are held out",
       Word{&Options::split, {"random", "by-user"}}, Scope::Study},
      {"validation_share", "share of the samples (or users) held out for validation",
       Real{&Options::validation_share, kInsideUnit}, Scope::Study},
      {"max_samples", "size of a random subset of the data; 0: the data set's default",
       Integer{&Options::max_samples, {0, 1e9}}, Scope::Study},
      {"channels", "output channels of each block, as a list",
       IntegerList{&Options::channels, {1, 8192}}},
      {"kernel", "kernel size of the convolutions, odd", Integer{&Options::kernel, {1, 63}}},
      {"pool", "max-pooling factor after each block; 1: none", Integer{&Options::pool, {1, 64}}},
      {"batch_norm", "batch normalization after each convolution", Flag{&Options::batch_norm}},
      {"dropout", "dropout probability before the classifier", Real{&Options::dropout, kBelowOne}},
      {"activation", "relu, leaky-relu, gelu or tanh",
       Word{&Options::activation, {"relu", "leaky-relu", "gelu", "tanh"}}},
      {"head", "what the classifier sees: mean or max over positions, or flatten",
       Word{&Options::head, {"mean", "max", "flatten"}}},
      {"optimizer", "sgd, momentum, nesterov, adam, adamw or rmsprop",
       Word{&Options::optimizer, {"sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"}}},
      {"learning_rate", "learning rate", Real{&Options::learning_rate, kPositive}},
      {"momentum", "of the optimizers momentum and nesterov", Real{&Options::momentum, kBelowOne}},
      {"weight_decay", "weight decay: added to the gradient as L2; decoupled for adamw",
       Real{&Options::weight_decay, kNotNegative}},
      {"schedule", "of the learning rate: none, step, cosine, plateau or one-cycle",
       Word{&Options::schedule, {"none", "step", "cosine", "plateau", "one-cycle"}}},
      {"schedule_epochs", "step: epochs between steps; plateau: epochs of patience",
       Integer{&Options::schedule_epochs, {1, 1e6}}},
      {"schedule_factor", "step and plateau: the learning rate is multiplied by this",
       Real{&Options::schedule_factor, kInsideUnit}},
      {"batch_size", "samples in a batch; the last of an epoch may be smaller",
       Integer{&Options::batch_size, {1, 1e6}}},
      {"epochs", "passes over the training samples", Integer{&Options::epochs, {1, 1e6}}},
      {"patience", "stop after this many epochs without a better val_loss; 0: never",
       Integer{&Options::patience, {0, 1e6}}},
      {"backend", "native, torch (LibTorch), or auto: torch for cuda, else native",
       Word{&Options::backend, {"native", "torch", "auto"}}, Scope::Study},
      {"device", "cpu, or cuda, which needs LibTorch", Word{&Options::device, {"cpu", "cuda"}},
       Scope::Study},
      {"precision", "f32, or bf16 (native alone): factors of products are rounded",
       Word{&Options::precision, {"f32", "bf16"}}},
      {"rerun_best_in_f32", "train the best trial's parameters again if it was trained in bf16",
       Flag{&Options::rerun_best_in_f32}, Scope::Study},
      {"checkpoint_s", "seconds of training that a crash may cost; 0: no checkpoints against it",
       Real{&Options::checkpoint_s, kNotNegative}, Scope::Study},
  };
  return rows;
}

const Row& row(std::string_view name) {
  for (const Row& row : table())
    if (row.name == name) return row;
  std::vector<std::string> names;
  for (const Row& row : table()) names.emplace_back(row.name);
  throw ConfigError(fmt::format("the trainer has no option \"{}\"{} The options are {}.", name,
                                did_you_mean(name, names) + ".", join(names, ", ")));
}

[[noreturn]] void reject(const Row& row, std::string_view value, std::string_view legal) {
  throw ConfigError(fmt::format("trainer option {} is {}; it must be {}", row.name, value, legal));
}

std::string in_quotes(const std::string& text) { return fmt::format("\"{}\"", shorten(text, 60)); }

std::string shown(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? in_quotes(*text) : to_string(value);
}

void check_word(const Row& row, const std::string& word, const std::vector<std::string>& words) {
  for (const std::string& legal : words)
    if (word == legal) return;
  reject(row, in_quotes(word) + did_you_mean(word, words), "one of " + join(words, ", "));
}

void check_integer(const Row& row, std::int64_t value, const Range& range) {
  if (!range.contains(static_cast<double>(value)))
    reject(row, std::to_string(value), range.text("a whole number"));
}

void check_length(const Row& row, std::size_t length, std::int64_t limit) {
  if (length == 0) reject(row, "empty", "a list with an entry at least");
  if (length > static_cast<std::size_t>(limit))
    reject(row, fmt::format("a list of {}", length), fmt::format("at most {} long", limit));
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Whole numbers, and floating-point numbers that happen to be whole.
std::optional<std::int64_t> whole_number(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  const auto* real = std::get_if<double>(&value);
  if (!real || std::nearbyint(*real) != *real || std::abs(*real) > 1e15) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

std::vector<std::string> list_entries(std::string_view text) {
  std::vector<std::string> entries;
  for (const std::string& entry : split(text, ','))
    if (!trim(entry).empty()) entries.emplace_back(trim(entry));
  return entries;
}

/// Puts a value into its member: types are checked here, legal values by `Check`.
struct Assign {
  TrainerOptions& options;
  const Row& row;
  const Value& value;

  void operator()(const Flag& flag) const {
    const auto* truth = std::get_if<bool>(&value);
    if (!truth) reject(row, shown(value), "true or false");
    options.*flag.member = *truth;
  }
  void operator()(const Integer& integer) const {
    const auto number = whole_number(value);
    if (!number) reject(row, shown(value), integer.range.text("a whole number"));
    options.*integer.member = *number;
  }
  void operator()(const IntegerList& list) const {
    std::vector<std::int64_t> numbers;
    if (const auto* text = std::get_if<std::string>(&value)) {
      for (const std::string& entry : list_entries(*text)) {
        const auto number = whole_number(std::string_view(entry));
        if (!number) reject(row, shown(value), "whole numbers, such as \"32,64,128\"");
        numbers.push_back(*number);
      }
    } else if (const auto number = whole_number(value)) {
      numbers.push_back(*number);
    } else {
      reject(row, shown(value), "whole numbers, such as \"32,64,128\"");
    }
    options.*list.member = std::move(numbers);
  }
  void operator()(const Real& real) const {
    const bool is_flag = std::holds_alternative<bool>(value);
    const auto number = as_number(value);
    if (!number || is_flag) reject(row, shown(value), real.range.text("a number"));
    options.*real.member = *number;
  }
  void operator()(const Word& word) const {
    const auto* text = std::get_if<std::string>(&value);
    if (!text) reject(row, shown(value), "one of " + join(word.words, ", "));
    options.*word.member = *text;
  }
  void operator()(const WordList& list) const {
    const auto* text = std::get_if<std::string>(&value);
    if (!text) reject(row, shown(value), "names out of " + join(list.words, ", "));
    options.*list.member = list_entries(*text);
  }
};

/// The value of a member as `Assign` takes it.
struct Read {
  const TrainerOptions& options;

  Value operator()(const Flag& flag) const { return options.*flag.member; }
  Value operator()(const Integer& integer) const { return options.*integer.member; }
  Value operator()(const IntegerList& list) const {
    return fmt::format("{}", fmt::join(options.*list.member, ","));
  }
  Value operator()(const Real& real) const { return options.*real.member; }
  Value operator()(const Word& word) const { return options.*word.member; }
  Value operator()(const WordList& list) const { return join(options.*list.member, ","); }
};

/// Whether the value of one option is legal.
struct Check {
  const TrainerOptions& options;
  const Row& row;

  void operator()(const Flag&) const {}
  void operator()(const Integer& integer) const {
    check_integer(row, options.*integer.member, integer.range);
  }
  void operator()(const IntegerList& list) const {
    check_length(row, (options.*list.member).size(), kMaxBlocks);
    for (const std::int64_t number : options.*list.member) check_integer(row, number, list.range);
  }
  void operator()(const Real& real) const {
    const double number = options.*real.member;
    if (!real.range.contains(number))
      reject(row, format_number(number), real.range.text("a number"));
  }
  void operator()(const Word& word) const { check_word(row, options.*word.member, word.words); }
  void operator()(const WordList& list) const {
    check_length(row, (options.*list.member).size(), kMaxBlocks);
    for (const std::string& word : options.*list.member) check_word(row, word, list.words);
  }
};

void check(const TrainerOptions& options, const Row& row) {
  std::visit(Check{options, row}, row.kind);
  if (row.name == "kernel" && options.kernel % 2 == 0)
    reject(row, std::to_string(options.kernel), "odd, so that the output is as long as the input");
}

}  // namespace

void TrainerOptions::set(std::string_view name, const Value& value) {
  const Row& option = row(name);
  TrainerOptions changed = *this;
  std::visit(Assign{changed, option, value}, option.kind);
  check(changed, option);
  *this = std::move(changed);
}

Value TrainerOptions::get(std::string_view name) const {
  return std::visit(Read{*this}, row(name).kind);
}

void TrainerOptions::validate() const {
  for (const Row& option : table()) check(*this, option);
  if (device == "cuda" && backend == "native") {
    throw ConfigError(
        "trainer option device is \"cuda\", but the native backend computes on the processor; set "
        "backend to \"torch\" or \"auto\", or device to \"cpu\"");
  }
  if (precision == "bf16" && (backend == "torch" || device == "cuda")) {
    throw ConfigError(
        "trainer option precision is \"bf16\", which only the native backend offers; set backend "
        "to \"native\" and device to \"cpu\", or precision to \"f32\"");
  }
}

std::span<const TrainerOption> trainer_options() {
  static const std::vector<TrainerOption> options = [] {
    std::vector<TrainerOption> all;
    for (const Row& row : table()) {
      all.push_back({row.name, row.help, row.scope == Scope::Trial});
    }
    return all;
  }();
  return options;
}

std::span<const std::string_view> trainer_metrics() {
  static constexpr std::string_view kMetrics[] = {"val_accuracy", "val_loss", "train_loss",
                                                  "epochs",       "diverged", "collapsed"};
  return kMetrics;
}

}  // namespace hypertune
