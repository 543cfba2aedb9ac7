// A TOML document with overrides applied: values that know their dotted name and their place.
#pragma once

#include <toml++/toml.h>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/error.h"
#include "hypertune/value.h"

namespace hypertune {

/// A value of a document. Every reader throws ConfigError `place: what is wrong, and how to mend
/// it`, where the place is `file:line:column` or `--set key=value`. Refers to its TomlDocument.
class Entry {
 public:
  Entry(std::string name, std::string key, const toml::source_region& key_at,
        const toml::node& node, const toml::table& root);

  const std::string& name() const { return name_; }  ///< with its tables: `tune.workers`
  const std::string& key() const { return key_; }    ///< alone: `workers`

  bool is_table() const { return node_->is_table(); }
  bool is_list() const { return node_->is_array(); }

  std::string text() const;
  bool flag() const;
  double number() const;  ///< whole numbers too
  std::int64_t whole() const;
  std::int64_t whole(std::int64_t low, std::int64_t high) const;
  /// Text, number or truth value; a list of these becomes the text `a,b,c`.
  Value value() const;
  /// The values of a list.
  std::vector<Entry> elements() const;
  /// The values of a table, in the order of the file; those that overrides added come last.
  std::vector<Entry> members() const;
  std::optional<Entry> find(std::string_view key) const;
  /// Whether the document has a section of this name.
  bool document_has(std::string_view section) const { return root_->contains(section); }

  /// Throws for a member whose key is not among `keys`, with the nearest of them.
  void allow_only(std::span<const std::string> keys) const;

  /// `file:line:column` of the value.
  std::string place() const;
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_at_key(const std::string& what) const;

  /// Runs `action`, putting the place of this value before the message of a ConfigError.
  template <typename Action>
  auto check(Action action) const {
    try {
      return action();
    } catch (const ConfigError& error) {
      fail(error.what());
    }
  }

 private:
  [[noreturn]] void fail_type(std::string_view wanted) const;

  std::string name_;
  std::string key_;
  toml::source_region key_at_;
  const toml::node* node_;
  const toml::table* root_;
};

/// Owns what entries refer to.
class TomlDocument {
 public:
  /// `name` stands for the file in places. Each override is `key=value` with a dotted key; it
  /// replaces the value of that key, or adds it. Throws ConfigError.
  TomlDocument(std::string_view text, const std::string& name,
               std::span<const std::string> overrides);

  /// The table of sections.
  Entry root() const;

 private:
  toml::table root_;
};

/// How one key of a table is read into a T.
template <typename T>
struct Key {
  std::string_view name;
  void (*read)(const Entry& entry, T& into);
  std::string_view example = {};  ///< not empty: the key must be there; shown when it is not
};

template <typename Table>
std::vector<std::string> names_of(const Table& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}

/// Reads a table, key by key in the order of `keys`. Other keys are faults.
template <typename T, std::size_t n>
void read_table(const Entry& table, const Key<T> (&keys)[n], T& into) {
  table.allow_only(names_of(keys));
  for (const Key<T>& key : keys) {
    if (const auto entry = table.find(key.name)) {
      key.read(*entry, into);
    } else if (!key.example.empty()) {
      table.fail((table.name().empty() ? "the study file" : table.name()) + " has no \"" +
                 std::string(key.name) + "\"; add " + std::string(key.example));
    }
  }
}

/// `, did you mean "x"?` or, when nothing is near, `; it must be one of x, y`.
std::string suggestion(std::string_view word, std::span<const std::string> known);

}  // namespace hypertune
