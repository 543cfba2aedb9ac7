// Parameter values: what a trial is configured with.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace hypertune {

/// The value of one parameter.
using Value = std::variant<bool, std::int64_t, double, std::string>;

/// The configuration of a trial: values by parameter name.
using Params = std::map<std::string, Value, std::less<>>;

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
