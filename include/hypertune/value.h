// Parameter values: what a trial is configured with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hypertune {

/// The value of one parameter.
using Value = std::variant<bool, std::int64_t, double, std::string>;

/// The configuration of a trial: values by parameter name, in order of name. A sorted array, so
/// that a copy costs one allocation; references and iterators last until a name is added or erased.
class Params {
 public:
  using value_type = std::pair<std::string, Value>;
  using const_iterator = std::vector<value_type>::const_iterator;
  using iterator = const_iterator;  // values change through `operator[]` and `at` alone

  Params() = default;
  /// Of entries with one name the first counts.
  Params(std::initializer_list<value_type> entries) {
    for (const value_type& entry : entries) insert(entry);
  }

  const_iterator begin() const { return entries_.begin(); }
  const_iterator end() const { return entries_.end(); }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  /// Makes room for so many entries.
  void reserve(std::size_t size) { entries_.reserve(size); }

  const_iterator find(std::string_view name) const {
    const auto place = place_of(name);
    return place != end() && place->first == name ? place : end();
  }
  bool contains(std::string_view name) const { return find(name) != end(); }
  /// Throws std::out_of_range for an unknown name.
  const Value& at(std::string_view name) const {
    const auto place = find(name);
    if (place == end()) throw std::out_of_range("no parameter \"" + std::string(name) + "\"");
    return place->second;
  }
  Value& at(std::string_view name) { return const_cast<Value&>(std::as_const(*this).at(name)); }

  /// The value of this name, which is added when there is none.
  Value& operator[](std::string_view name) { return added(name, {}).first->second; }
  /// These two leave the value of a name that is there, and say whether they added one.
  bool try_emplace(std::string_view name, Value value) {
    return added(name, std::move(value)).second;
  }
  bool insert(value_type entry) { return try_emplace(entry.first, std::move(entry.second)); }
  void insert_or_assign(std::string_view name, Value value) { (*this)[name] = std::move(value); }
  /// Inserts all entries of the others.
  void merge(Params others) {
    if (empty()) return entries_.swap(others.entries_);
    for (value_type& entry : others.entries_) insert(std::move(entry));
  }
  /// Whether there was such a name.
  bool erase(std::string_view name) {
    const auto place = find(name);
    const bool found = place != end();
    if (found) entries_.erase(place);
    return found;
  }

  bool operator==(const Params&) const = default;
  friend bool operator<(const Params& a, const Params& b) { return a.entries_ < b.entries_; }

 private:
  /// The first entry whose name is not less.
  const_iterator place_of(std::string_view name) const {
    // As a rule names are added in order.
    if (empty() || entries_.back().first < name) return end();
    return std::lower_bound(begin(), end(), name, [](const value_type& entry, std::string_view n) {
      return entry.first < n;
    });
  }
  std::pair<std::vector<value_type>::iterator, bool> added(std::string_view name, Value value) {
    const auto place = place_of(name);
    if (place != end() && place->first == name)
      return {entries_.begin() + (place - begin()), false};
    return {entries_.emplace(place, name, std::move(value)), true};
  }

  std::vector<value_type> entries_;  // in order of name, each name once
};

/// Named results of a trial or of one of its steps. NaN and infinities are legal values.
using Metrics = std::map<std::string, double, std::less<>>;

/// The shortest text that reads back as the same value; strings come without quotes.
std::string to_string(const Value& value);

/// `a=1, b=true`, in order of name.
std::string to_string(const Params& params);

/// The value as a number (`true` is 1); empty for a string.
std::optional<double> as_number(const Value& value);

/// Equal as a user sees it: 1, 1.0 are the same; a bool equals only a bool.
bool same_value(const Value& a, const Value& b);

}  // namespace hypertune
