// JSON as Python writes it: NaN, Infinity and -Infinity are numbers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "hypertune/value.h"

namespace hypertune {

using Json = nlohmann::json;

/// Throws Error with the position of the first fault.
Json parse_json(std::string_view text);

/// Whether objects and lists of the text stand in each other more than `levels` deep. To be asked
/// before text that is not trusted is parsed: what is nested deeply needs a deep stack.
bool is_nested_deeper(std::string_view text, int levels);

/// One line; non-finite numbers as the tokens NaN, Infinity and -Infinity, doubles in the shortest
/// form that reads back the same.
std::string dump_json(const Json& json);

Json to_json(const Value& value);
/// Numbers, booleans and strings; null becomes the text "null". Throws Error for anything else.
Value value_from_json(const Json& json);

Json to_json(const Params& params);
Params params_from_json(const Json& json);
Json to_json(const Metrics& metrics);
/// Entries that are not numbers (or booleans) are left out.
Metrics metrics_from_json(const Json& json);

}  // namespace hypertune
