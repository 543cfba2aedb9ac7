// Conditions: a recursive-descent parser and a walk over the tree it builds.
#include "hypertune/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

enum class Operator : std::uint8_t {
  Or,
  And,
  Not,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  In,
  Name,
  Literal
};

/// Deeper nesting is refused, so that hostile text cannot exhaust the stack.
constexpr int kMaxDepth = 100;

}  // namespace

struct Condition::Node {
  Operator op;
  std::vector<Node> children;  // In: the subject, then the members
  std::string name;            // Name
  Value value;                 // Literal
};

namespace {

using Node = Condition::Node;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Node parse() {
    Node node = disjunction();
    skip_blanks();
    if (at_ < text_.size()) fail("expected the end, \"and\" or \"or\"");
    return node;
  }

  std::vector<std::string> take_names() { return std::move(names_); }

 private:
  Node disjunction() { return chain("or", Operator::Or, &Parser::conjunction); }
  Node conjunction() { return chain("and", Operator::And, &Parser::negation); }

  Node chain(std::string_view word, Operator op, Node (Parser::*next)()) {
    Node left = (this->*next)();
    if (!take_word(word)) return left;
    Node node{op, {std::move(left)}, {}, {}};
    do node.children.push_back((this->*next)());
    while (take_word(word));
    return node;
  }

  Node negation() {
    if (++depth_ > kMaxDepth) fail("nested too deeply");
    Node node = take_word("not") ? Node{Operator::Not, {negation()}, {}, {}} : comparison();
    --depth_;
    return node;
  }

  Node comparison() {
    if (take("(")) {
      Node inner = disjunction();
      expect(")");
      return inner;
    }
    Node left = operand();
    if (take_word("in")) return membership(std::move(left));
    static constexpr std::array<std::pair<std::string_view, Operator>, 6> kOperators = {
        {{"==", Operator::Equal},
         {"!=", Operator::NotEqual},
         {"<=", Operator::LessEqual},
         {">=", Operator::GreaterEqual},
         {"<", Operator::Less},
         {">", Operator::Greater}}};
    for (const auto& [symbol, op] : kOperators) {
      if (take(symbol)) return Node{op, {std::move(left), operand()}, {}, {}};
    }
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '=') fail("a comparison is written ==");
    if (left.op == Operator::Literal && !std::holds_alternative<bool>(left.value)) {
      fail("expected a comparison such as == or <");
    }
    return left;
  }

  Node membership(Node subject) {
    Node node{Operator::In, {std::move(subject)}, {}, {}};
    expect("[");
    do node.children.push_back(operand());
    while (take(","));
    expect("]");
    return node;
  }

  Node operand() {
    skip_blanks();
    if (at_ == text_.size()) fail("expected a name or a value");
    const char c = text_[at_];
    if (c == '"' || c == '\'') return literal(quoted(c));
    if (is_digit(c) || c == '-' || c == '+' || c == '.') return literal(number());
    const std::string word = identifier();
    if (word == "true" || word == "false") return literal(word == "true");
    if (std::ranges::find(names_, word) == names_.end()) names_.push_back(word);
    return Node{Operator::Name, {}, word, {}};
  }

  static Node literal(Value value) { return Node{Operator::Literal, {}, {}, std::move(value)}; }

  std::string quoted(char quote) {
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("the text in quotes does not end");
    std::string content(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return content;
  }

  Value number() {
    const std::size_t begin = at_ + (text_[at_] == '+' ? 1 : 0);
    const char* first = text_.data() + begin;
    const char* last = text_.data() + text_.size();
    double real = 0;
    const auto [real_end, real_error] = std::from_chars(first, last, real);
    if (real_error != std::errc()) fail("expected a number");
    std::int64_t whole = 0;
    const auto [whole_end, whole_error] = std::from_chars(first, last, whole);
    at_ = static_cast<std::size_t>(real_end - text_.data());
    if (at_ < text_.size() && is_word(text_[at_])) fail("expected a blank after the number");
    if (whole_error == std::errc() && whole_end == real_end) return whole;
    return real;
  }

  std::string identifier() {
    const std::size_t begin = at_;
    if (!is_word(text_[at_]) || is_digit(text_[at_])) fail("expected a name or a value");
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.')) ++at_;
    std::string word(text_.substr(begin, at_ - begin));
    if (word == "and" || word == "or" || word == "not" || word == "in") {
      at_ = begin;
      fail(fmt::format("expected a name or a value before \"{}\"", word));
    }
    return word;
  }

  bool take(std::string_view symbol) {
    skip_blanks();
    if (text_.substr(at_, symbol.size()) != symbol) return false;
    at_ += symbol.size();
    return true;
  }

  bool take_word(std::string_view word) {
    skip_blanks();
    if (text_.substr(at_, word.size()) != word) return false;
    const std::size_t end = at_ + word.size();
    if (end < text_.size() && is_word(text_[end])) return false;
    at_ = end;
    return true;
  }

  void expect(std::string_view symbol) {
    if (!take(symbol)) fail(fmt::format("expected \"{}\"", symbol));
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw ConfigError(
        fmt::format("condition \"{}\", column {}: {}", shorten(text_, 80), at_ + 1, what));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<std::string> names_;
};

std::optional<Value> value_of(const Node& node, const Condition::Lookup& lookup) {
  if (node.op == Operator::Literal) return node.value;
  return lookup(node.name);
}

bool is_true(const std::optional<Value>& value) {
  if (!value) return false;
  const auto number = as_number(*value);
  return number && *number != 0 && *number == *number;
}

bool ordered(Operator op, const Value& a, const Value& b) {
  const auto compare = [op](const auto& x, const auto& y) {
    switch (op) {
      case Operator::Less:
        return x < y;
      case Operator::LessEqual:
        return x <= y;
      case Operator::Greater:
        return x > y;
      default:
        return x >= y;
    }
  };
  const auto* s = std::get_if<std::string>(&a);
  const auto* t = std::get_if<std::string>(&b);
  if (s != nullptr && t != nullptr) return compare(*s, *t);
  const auto x = as_number(a);
  const auto y = as_number(b);
  return x && y && compare(*x, *y);
}

bool equal(const Value& a, const Value& b) {
  if (same_value(a, b)) return true;
  // Stored metrics are numbers: `collapsed == true` means 1.
  const auto x = as_number(a);
  const auto y = as_number(b);
  return x && y && *x == *y;
}

bool evaluate(const Node& node, const Condition::Lookup& lookup) {
  const auto holds = [&](const Node& child) { return evaluate(child, lookup); };
  switch (node.op) {
    case Operator::Or:
      return std::ranges::any_of(node.children, holds);
    case Operator::And:
      return std::ranges::all_of(node.children, holds);
    case Operator::Not:
      return !holds(node.children.front());
    case Operator::Name:
    case Operator::Literal:
      return is_true(value_of(node, lookup));
    default:
      break;
  }
  const auto left = value_of(node.children.front(), lookup);
  if (!left) return false;
  if (node.op == Operator::In) {
    return std::any_of(node.children.begin() + 1, node.children.end(), [&](const Node& member) {
      const auto value = value_of(member, lookup);
      return value && equal(*left, *value);
    });
  }
  const auto right = value_of(node.children.back(), lookup);
  if (!right) return false;
  if (node.op == Operator::Equal) return equal(*left, *right);
  if (node.op == Operator::NotEqual) return !equal(*left, *right);
  return ordered(node.op, *left, *right);
}

}  // namespace

Condition::Condition(std::string_view text) : text_(text) {
  Parser parser(text_);
  root_ = std::make_shared<const Node>(parser.parse());
  names_ = parser.take_names();
}

bool Condition::holds(const Lookup& lookup) const { return evaluate(*root_, lookup); }

bool Condition::holds(const Params& params) const {
  return holds([&](std::string_view name) -> std::optional<Value> {
    const auto value = params.find(name);
    return value == params.end() ? std::nullopt : std::optional(value->second);
  });
}

}  // namespace hypertune
