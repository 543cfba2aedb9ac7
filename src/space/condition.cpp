// Conditions: a recursive-descent parser and a walk over the tree it builds.
#include "hypertune/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
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
  Arithmetic,
  Negative,
  Call,
  Name,
  Literal
};

/// Deeper nesting is refused, so that hostile text cannot exhaust the stack.
constexpr int kMaxDepth = 200;

constexpr std::string_view kBooleanWanted = "expected a comparison such as == or <";

}  // namespace

struct Condition::Node {
  Operator op;
  std::vector<Node> children;  // In: the subject, then the members
  std::string name;            // Name, Call; Arithmetic: the symbols between the children
  Value value;                 // Literal
};

namespace {

using Node = Condition::Node;

/// Functions that conditions may call.
struct Function {
  std::string_view name;
  std::size_t fewest;
  std::size_t most;
  double (*compute)(const std::vector<double>& arguments);
};
constexpr std::size_t kMaxArguments = 100;
constexpr std::array<Function, 6> kFunctions = {
    {{"abs", 1, 1, [](const std::vector<double>& a) { return std::abs(a[0]); }},
     {"log", 1, 1, [](const std::vector<double>& a) { return std::log(a[0]); }},
     {"max", 2, kMaxArguments,
      [](const std::vector<double>& a) { return *std::ranges::max_element(a); }},
     {"min", 2, kMaxArguments,
      [](const std::vector<double>& a) { return *std::ranges::min_element(a); }},
     {"pow", 2, 2, [](const std::vector<double>& a) { return std::pow(a[0], a[1]); }},
     {"sqrt", 1, 1, [](const std::vector<double>& a) { return std::sqrt(a[0]); }}}};

/// Whether the node says yes or no, which is no number to reckon with.
bool is_boolean(const Node& node) { return node.op <= Operator::In; }

/// Whether the node may stand where yes or no is asked for.
bool may_be_boolean(const Node& node) {
  return is_boolean(node) || node.op == Operator::Name ||
         (node.op == Operator::Literal && std::holds_alternative<bool>(node.value));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Node parse() {
    Node node = disjunction();
    skip_blanks();
    require_boolean(node, at_);
    if (at_ < text_.size()) fail("expected the end, \"and\" or \"or\"");
    return node;
  }

  std::vector<std::string> take_names() { return std::move(names_); }
  std::vector<int> take_columns() { return std::move(columns_); }

 private:
  Node disjunction() { return chain("or", Operator::Or, &Parser::conjunction); }
  Node conjunction() { return chain("and", Operator::And, &Parser::negation); }

  Node chain(std::string_view word, Operator op, Node (Parser::*next)()) {
    Node left = (this->*next)();
    skip_blanks();
    const std::size_t end = at_;
    if (!take_word(word)) return left;
    require_boolean(left, end);
    Node node{op, {std::move(left)}, {}, {}};
    do {
      node.children.push_back((this->*next)());
      skip_blanks();
      require_boolean(node.children.back(), at_);
    } while (take_word(word));
    return node;
  }

  Node negation() {
    const Deeper deeper(*this);
    if (!take_word("not")) return comparison();
    Node node{Operator::Not, {negation()}, {}, {}};
    skip_blanks();
    require_boolean(node.children.front(), at_);
    return node;
  }

  Node comparison() {
    const std::size_t begin = next_character();
    Node left = sum();
    if (take_word("in")) {
      require_value(left, begin);
      return membership(std::move(left));
    }
    static constexpr std::array<std::pair<std::string_view, Operator>, 6> kOperators = {
        {{"==", Operator::Equal},
         {"!=", Operator::NotEqual},
         {"<=", Operator::LessEqual},
         {">=", Operator::GreaterEqual},
         {"<", Operator::Less},
         {">", Operator::Greater}}};
    for (const auto& [symbol, op] : kOperators) {
      if (!take(symbol)) continue;
      require_value(left, begin);
      return Node{op, {std::move(left), value(&Parser::sum)}, {}, {}};
    }
    if (next_character() < text_.size() && text_[at_] == '=') fail("a comparison is written ==");
    return left;
  }

  Node membership(Node subject) {
    Node node{Operator::In, {std::move(subject)}, {}, {}};
    expect("[");
    do node.children.push_back(value(&Parser::sum));
    while (take(","));
    expect("]");
    return node;
  }

  Node sum() { return arithmetic("+-", &Parser::product); }
  Node product() { return arithmetic("*/%", &Parser::factor); }

  /// Operators of one rank, from left to right.
  Node arithmetic(std::string_view symbols, Node (Parser::*next)()) {
    const std::size_t begin = next_character();
    Node left = (this->*next)();
    if (!at_one_of(symbols)) return left;
    require_value(left, begin);
    Node node{Operator::Arithmetic, {std::move(left)}, {}, {}};
    while (at_one_of(symbols)) {
      node.name += text_[at_++];
      node.children.push_back(value(next));
    }
    return node;
  }

  Node factor() {
    const Deeper deeper(*this);
    if (next_character() == text_.size()) fail("expected a name or a value");
    const char c = text_[at_];
    if (c == '"' || c == '\'') return literal(quoted(c));
    if (take("(")) {
      Node inner = disjunction();
      expect(")");
      return inner;
    }
    if (c == '-' && !at_number()) {
      ++at_;
      return Node{Operator::Negative, {value(&Parser::factor)}, {}, {}};
    }
    if (is_digit(c) || c == '-' || c == '+' || c == '.') return literal(number());
    const std::size_t begin = at_;
    const std::string word = identifier();
    if (word == "true" || word == "false") return literal(word == "true");
    if (take("(")) return call(word, begin);
    if (std::ranges::find(names_, word) == names_.end()) {
      names_.push_back(word);
      columns_.push_back(static_cast<int>(begin) + 1);
    }
    return Node{Operator::Name, {}, word, {}};
  }

  Node call(const std::string& name, std::size_t begin) {
    const auto function = std::ranges::find(kFunctions, name, &Function::name);
    if (function == kFunctions.end()) {
      std::vector<std::string> known;
      for (const Function& f : kFunctions) known.emplace_back(f.name);
      fail_at(begin, fmt::format("there is no function {}; it must be one of {}", name,
                                 join(known, ", ")));
    }
    Node node{Operator::Call, {}, name, {}};
    do node.children.push_back(value(&Parser::sum));
    while (take(","));
    expect(")");
    if (node.children.size() < function->fewest || node.children.size() > function->most) {
      fail_at(begin, fmt::format("{} takes {}{}, not {}", name,
                                 function->most > function->fewest ? "at least " : "",
                                 count_of(static_cast<long long>(function->fewest), "number"),
                                 node.children.size()));
    }
    return node;
  }

  /// What `next` reads, which must not be a yes or no.
  Node value(Node (Parser::*next)()) {
    const std::size_t begin = next_character();
    Node node = (this->*next)();
    require_value(node, begin);
    return node;
  }

  void require_value(const Node& node, std::size_t begin) const {
    if (is_boolean(node)) fail_at(begin, "expected a name or a value, not a comparison");
  }

  void require_boolean(const Node& node, std::size_t end) const {
    if (!may_be_boolean(node)) fail_at(end, std::string(kBooleanWanted));
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

  /// Whether a sign belongs to a number. Words such as -inf are numbers too.
  bool at_number() const {
    double ignored = 0;
    const char* last = text_.data() + text_.size();
    const auto [end, error] = std::from_chars(text_.data() + at_, last, ignored);
    if (error == std::errc::invalid_argument) return false;
    const bool digits = is_digit(text_[at_ + 1]) || text_[at_ + 1] == '.';
    return digits || end == last || !is_word(*end);
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

  /// Where the next character that is no blank stands.
  std::size_t next_character() {
    skip_blanks();
    return at_;
  }

  bool at_one_of(std::string_view symbols) {
    return next_character() < text_.size() && symbols.find(text_[at_]) != std::string_view::npos;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }

  [[noreturn]] void fail(const std::string& what) const { fail_at(at_, what); }
  [[noreturn]] void fail_at(std::size_t at, const std::string& what) const {
    throw ConfigError(
        fmt::format("condition \"{}\", column {}: {}", shorten(text_, 80), at + 1, what));
  }

  /// One level of nesting.
  class Deeper {
   public:
    explicit Deeper(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kMaxDepth) parser_.fail("nested too deeply");
    }
    ~Deeper() { --parser_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Parser& parser_;
  };

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<std::string> names_;
  std::vector<int> columns_;  // of the names
};

double compute(char symbol, double a, double b) {
  switch (symbol) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return a - b * std::floor(a / b);
  }
}

/// Nothing where a name has no value, or the result is not a finite number.
std::optional<Value> value_of(const Node& node, const Condition::Lookup& lookup) {
  if (node.op == Operator::Literal) return node.value;
  if (node.op == Operator::Name) return lookup(node.name);
  std::vector<double> numbers;
  for (const Node& child : node.children) {
    const auto value = value_of(child, lookup);
    const auto number = value ? as_number(*value) : std::nullopt;
    if (!number || std::isnan(*number)) return std::nullopt;
    numbers.push_back(*number);
  }
  double result = numbers.front();
  if (node.op == Operator::Negative) {
    result = -result;
  } else if (node.op == Operator::Call) {
    result = std::ranges::find(kFunctions, node.name, &Function::name)->compute(numbers);
  } else {
    for (std::size_t i = 0; i < node.name.size(); ++i) {
      result = compute(node.name[i], result, numbers[i + 1]);
    }
  }
  if (!std::isfinite(result)) return std::nullopt;
  return result;
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
  columns_ = parser.take_columns();
}

bool Condition::holds(const Lookup& lookup) const { return evaluate(*root_, lookup); }

bool Condition::holds(const Params& params) const {
  return holds([&](std::string_view name) -> std::optional<Value> {
    const auto value = params.find(name);
    return value == params.end() ? std::nullopt : std::optional(value->second);
  });
}

}  // namespace hypertune
