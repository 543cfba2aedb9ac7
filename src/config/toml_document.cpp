// TOML documents: parsing, overrides, places, typed readers.
#include "config/toml_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <tuple>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace hypertune {
namespace {

/// A key of n dots makes n tables, which the TOML library destroys recursively: the limit keeps
/// that well within any stack.
constexpr std::size_t kMaxBytes = 32 * 1024;
constexpr std::string_view kOverride = "--set ";

bool is_override(const toml::source_region& at) {
  return at.path && at.path->starts_with(kOverride);
}

std::string place_of(const toml::source_region& at) {
  const std::string path = at.path ? *at.path : std::string();
  if (is_override(at)) return path;
  return fmt::format("{}:{}:{}", path, std::max<std::size_t>(at.begin.line, 1),
                     std::max<std::size_t>(at.begin.column, 1));
}

[[noreturn]] void fail_at(const toml::source_region& at, const std::string& what) {
  throw ConfigError(place_of(at) + ": " + what);
}

/// What mends a fault that the TOML library describes in such words.
constexpr std::pair<std::string_view, std::string_view> kRemedies[] = {
    {"redefine", "; remove one of the two"},
    {"unescaped control characters", "; is the closing quote missing?"},
    {"could not determine value type", "; text stands in quotes"}};

toml::table parse_toml(std::string_view text, const std::string& path) {
  if (text.size() > kMaxBytes) {
    throw ConfigError(
        fmt::format("{}: {} bytes are too many for a study file; the limit is {}. Move data and "
                    "notes elsewhere",
                    path, text.size(), kMaxBytes));
  }
  try {
    return toml::parse(text, std::string_view(path));
  } catch (const toml::parse_error& error) {
    std::string what(error.description());
    constexpr std::string_view kLead = "Error while ";
    if (what.starts_with(kLead)) what = "not TOML: while " + what.substr(kLead.size());
    for (const auto& [part, remedy] : kRemedies) {
      if (what.find(part) != std::string::npos) what += remedy;
    }
    fail_at(error.source(), what);
  }
}

/// Whether the table holds one value, `depth` keys down.
bool is_single_path(const toml::table& table, std::size_t depth) {
  const toml::table* level = &table;
  for (; level != nullptr && depth > 0; --depth) {
    if (level->size() != 1) return false;
    level = level->begin()->second.as_table();
  }
  return depth == 0;
}

/// What the right-hand side of an override says. Plain words need no quotes; what begins like a
/// TOML list, table or text must be one. The line number keeps overrides in their order.
toml::table parse_override(std::string_view key, std::size_t depth, std::string_view value,
                           const std::string& place, std::size_t index) {
  const auto document = [&](std::string_view right) {
    return fmt::format("{}{} = {}", std::string(index, '\n'), key, right);
  };
  try {
    toml::table table = parse_toml(document(value), place);
    if (is_single_path(table, depth)) return table;
  } catch (const ConfigError&) {
    if (!value.empty() && std::string_view("[{\"'").find(value.front()) != std::string_view::npos) {
      throw;
    }
  }
  return parse_toml(
      document(Json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)), place);
}

/// Moves the value at the end of `from`'s one path of `depth` keys to the same path of `into`.
void merge(toml::table& into, toml::table& from, std::size_t depth) {
  const auto first = from.begin();
  const toml::key& key = first->first;
  toml::node& node = first->second;
  toml::node* present = into.get(key);
  if (depth > 1 && present != nullptr) {
    if (!present->is_table()) {
      fail_at(key.source(), fmt::format("\"{}\" is not a table, so nothing in it can be set; "
                                        "replace it as a whole",
                                        key.str()));
    }
    merge(*present->as_table(), *node.as_table(), depth - 1);
    return;
  }
  node.visit([&](auto& value) { into.insert_or_assign(key, std::move(value)); });
}

void apply(std::string_view override_text, std::size_t index, toml::table& root) {
  const std::string place = std::string(kOverride) + shorten(override_text, 80);
  const std::size_t equals = override_text.find('=');
  const std::string_view key = trim(override_text.substr(0, equals));
  const auto legal = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  };
  if (equals == std::string_view::npos || !std::ranges::all_of(key, legal) || key.empty() ||
      key.front() == '.' || key.back() == '.' || key.find("..") != std::string_view::npos) {
    throw ConfigError(place + ": not of the form section.key=value, such as tune.workers=4");
  }
  const auto depth = static_cast<std::size_t>(std::ranges::count(key, '.')) + 1;
  toml::table table =
      parse_override(key, depth, trim(override_text.substr(equals + 1)), place, index);
  merge(root, table, depth);
}

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
    default:
      return "";
  }
}

/// The value as a message shows it.
std::string shown(const toml::node& node) {
  if (const auto* text = node.as_string()) {
    return fmt::format("the text \"{}\"", shorten(text->get(), 60));
  }
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto* number = node.as_floating_point()) {
    const std::string text = format_number(number->get());
    return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
  }
  return std::string(kind_of(node));
}

}  // namespace

std::string suggestion(std::string_view word, std::span<const std::string> known) {
  const std::string near = did_you_mean(word, known);
  if (!near.empty() || known.empty()) return near;
  return "; it must be one of " + join(known, ", ");
}

Entry::Entry(std::string name, std::string key, const toml::source_region& key_at,
             const toml::node& node, const toml::table& root)
    : name_(std::move(name)), key_(std::move(key)), key_at_(key_at), node_(&node), root_(&root) {}

std::string Entry::text() const {
  const auto* text = node_->as_string();
  if (text == nullptr) fail_type("text in quotes");
  return text->get();
}

bool Entry::flag() const {
  const auto* flag = node_->as_boolean();
  if (flag == nullptr) fail_type("true or false");
  return flag->get();
}

double Entry::number() const {
  if (const auto* whole = node_->as_integer()) return static_cast<double>(whole->get());
  const auto* number = node_->as_floating_point();
  if (number == nullptr) fail_type("a number");
  return number->get();
}

std::int64_t Entry::whole() const {
  const auto* whole = node_->as_integer();
  if (whole == nullptr) fail_type("a whole number");
  return whole->get();
}

std::int64_t Entry::whole(std::int64_t low, std::int64_t high) const {
  const std::string wanted = high == std::numeric_limits<std::int64_t>::max()
                                 ? fmt::format("a whole number, {} or more", low)
                                 : fmt::format("a whole number from {} to {}", low, high);
  const auto* whole = node_->as_integer();
  if (whole == nullptr || whole->get() < low || whole->get() > high) fail_type(wanted);
  return whole->get();
}

Value Entry::value() const {
  if (const auto* text = node_->as_string()) return text->get();
  if (const auto* flag = node_->as_boolean()) return flag->get();
  if (const auto* whole = node_->as_integer()) return whole->get();
  if (const auto* number = node_->as_floating_point()) return number->get();
  if (!is_list()) fail_type("text, a number, true or false");
  std::vector<std::string> parts;
  for (const Entry& element : elements()) {
    if (element.is_list()) element.fail_type("text, a number, true or false");
    parts.push_back(to_string(element.value()));
  }
  return join(parts, ",");
}

std::vector<Entry> Entry::elements() const {
  const auto* list = node_->as_array();
  if (list == nullptr) fail_type("a list in brackets");
  std::vector<Entry> elements;
  for (const toml::node& element : *list) {
    elements.emplace_back(fmt::format("{}[{}]", name_, elements.size()), key_, element.source(),
                          element, *root_);
  }
  return elements;
}

std::vector<Entry> Entry::members() const {
  const auto* table = node_->as_table();
  if (table == nullptr) fail_type("a table, such as { key = value }");
  std::vector<Entry> members;
  for (const auto& [key, node] : *table) {
    const std::string word(key.str());
    members.emplace_back(name_.empty() ? word : name_ + "." + word, word, key.source(), node,
                         *root_);
  }
  std::ranges::stable_sort(members, {}, [](const Entry& entry) {
    const toml::source_region& at = entry.key_at_;
    return std::tuple(is_override(at), at.begin.line, at.begin.column);
  });
  return members;
}

std::optional<Entry> Entry::find(std::string_view key) const {
  for (Entry& member : members()) {
    if (member.key_ == key) return std::move(member);
  }
  return std::nullopt;
}

void Entry::allow_only(std::span<const std::string> keys) const {
  for (const Entry& member : members()) {
    if (std::ranges::find(keys, member.key_) != keys.end()) continue;
    member.fail_at_key(fmt::format(
        "unknown {} \"{}\"{}{}", name_.empty() ? "section" : "key", shorten(member.key_, 60),
        name_.empty() ? "" : " in " + shorten(name_, 80), suggestion(member.key_, keys)));
  }
}

std::string Entry::place() const { return place_of(node_->source()); }

void Entry::fail(const std::string& what) const { fail_at(node_->source(), what); }

void Entry::fail_at_key(const std::string& what) const { fail_at(key_at_, what); }

void Entry::fail_type(std::string_view wanted) const {
  fail(fmt::format("{} is {}; it must be {}", name_, shown(*node_), wanted));
}

TomlDocument::TomlDocument(std::string_view text, const std::string& name,
                           std::span<const std::string> overrides)
    : root_(parse_toml(text, name)) {
  for (std::size_t i = 0; i < overrides.size(); ++i) apply(overrides[i], i, root_);
}

Entry TomlDocument::root() const { return {"", "", root_.source(), root_, root_}; }

}  // namespace hypertune
