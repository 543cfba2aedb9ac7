// Spaces survive being written as a study file and read back.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/text.h"
#include "config/study_file.h"

namespace hypertune {
namespace {

/// TOML tells real numbers by their point or exponent.
std::string toml(double number) {
  const std::string text = format_number(number);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string toml(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return fmt::format("\"{}\"", *text);
  if (const auto* number = std::get_if<double>(&value)) return toml(*number);
  return to_string(value);
}

std::string toml(const Parameter& parameter) {
  const std::string when =
      parameter.when ? fmt::format(", when = '''{}'''", parameter.when->text()) : "";
  if (const auto* d = std::get_if<FloatDomain>(&parameter.domain)) {
    return fmt::format("{} = {{ float = [{}, {}], log = {}{}{} }}\n", parameter.name, toml(d->low),
                       toml(d->high), d->log, d->step ? ", step = " + toml(*d->step) : "", when);
  }
  if (const auto* d = std::get_if<IntDomain>(&parameter.domain)) {
    return fmt::format("{} = {{ int = [{}, {}], step = {}, log = {}{} }}\n", parameter.name, d->low,
                       d->high, d->step, d->log, when);
  }
  std::vector<std::string> values;
  for (const Value& value : std::get<CategoricalDomain>(parameter.domain).choices) {
    values.push_back(toml(value));
  }
  if (parameter.role == Role::Constant) {
    return fmt::format("{} = {}\n", parameter.name, values.front());
  }
  return fmt::format("{} = {{ {} = [{}]{} }}\n", parameter.name,
                     parameter.role == Role::Grid ? "grid" : "choice", fmt::join(values, ", "),
                     when);
}

double uniform(double low, double high) {
  return low + (high - low) * (*rc::gen::inRange(0, 1'000'001)) / 1e6;
}

Domain any_float() {
  FloatDomain domain{.low = uniform(1e-6, 0.5), .high = uniform(0.5, 0.9)};
  if (*rc::gen::arbitrary<bool>()) {
    domain.log = *rc::gen::arbitrary<bool>();
    if (!domain.log) domain.step = uniform(0.01, 0.2);
  }
  return domain;
}

Domain any_int() {
  IntDomain domain{.low = *rc::gen::inRange(1, 100), .high = *rc::gen::inRange(100, 100'000)};
  domain.log = *rc::gen::arbitrary<bool>();
  if (!domain.log) domain.step = *rc::gen::inRange(1, 50);
  return domain;
}

/// Some of the values, in any order, at least one.
Domain some_of(const std::vector<Value>& values) {
  std::vector<Value> rest = values;
  CategoricalDomain domain;
  const int n = *rc::gen::inRange(1, static_cast<int>(values.size()) + 1);
  for (int i = 0; i < n; ++i) {
    const int at = *rc::gen::inRange(0, static_cast<int>(rest.size()));
    domain.choices.push_back(rest[at]);
    rest.erase(rest.begin() + at);
  }
  return domain;
}

SearchSpace any_space() {
  std::vector<Parameter> pool = {
      {"dropout", Role::Sampled, any_float()},
      {"momentum", Role::Sampled, any_float()},
      {"batch_size", Role::Sampled, any_int()},
      {"schedule_epochs", Role::Sampled, any_int()},
      {"optimizer", Role::Sampled,
       some_of({std::string("sgd"), std::string("adam"), std::string("rmsprop")})},
      {"batch_norm", Role::Grid, some_of({true, false})},
      {"learning_rate", Role::Grid, some_of({1e-300, 0.1, 1.0, std::int64_t{3}})},
      {"epochs", Role::Constant, CategoricalDomain{{std::int64_t{7}}}},
      {"weight_decay", Role::Constant, CategoricalDomain{{uniform(0, 1)}}},
  };
  SearchSpace space;
  const int n = *rc::gen::inRange(0, static_cast<int>(pool.size()) + 1);
  for (int i = 0; i < n; ++i) {
    const int at = *rc::gen::inRange(0, static_cast<int>(pool.size()));
    Parameter parameter = pool[at];
    pool.erase(pool.begin() + at);
    if (!space.empty() && parameter.role == Role::Sampled && *rc::gen::arbitrary<bool>()) {
      parameter.when =
          Condition(fmt::format("{} != 'a \"b\"' or not true", space.parameters().back().name));
    }
    space.add(std::move(parameter));
  }
  return space;
}

RC_GTEST_PROP(StudyFileProperty, ASpaceWrittenAsAFileIsReadBackEqual, ()) {
  const SearchSpace space = any_space();
  std::string text =
      "[study]\nname = \"s\"\n"
      "objectives = [{ metric = \"val_loss\", direction = \"minimize\" }]\n[space]\n";
  for (const Parameter& parameter : space.parameters()) text += toml(parameter);
  RC_LOG() << text;
  RC_ASSERT(parse_study_file(text, "study.toml").spec.space == space);
}

}  // namespace
}  // namespace hypertune
