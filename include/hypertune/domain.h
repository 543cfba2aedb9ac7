// Domains: the set of legal values of one parameter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hypertune/value.h"

namespace hypertune {

/// Real numbers in [low, high]. With `log`, uniform in the logarithm (low > 0). With `step`, only
/// low, low + step, ... up to high; `log` and `step` exclude each other.
struct FloatDomain {
  double low = 0;
  double high = 1;
  bool log = false;
  std::optional<double> step = {};
  bool operator==(const FloatDomain&) const = default;
};

/// Whole numbers in [low, high], both included. `log` needs low >= 1 and step 1.
struct IntDomain {
  std::int64_t low = 0;
  std::int64_t high = 1;
  bool log = false;
  std::int64_t step = 1;
  bool operator==(const IntDomain&) const = default;
};

/// One of the choices; their order is part of the domain.
struct CategoricalDomain {
  std::vector<Value> choices;
  bool operator==(const CategoricalDomain&) const = default;
};

using Domain = std::variant<FloatDomain, IntDomain, CategoricalDomain>;

/// Domains by parameter name. Copies share one map, which never changes.
class Domains {
 public:
  using Map = std::map<std::string, Domain, std::less<>>;

  Domains() = default;
  explicit Domains(Map map) : map_(std::make_shared<const Map>(std::move(map))) {}
  Domains(std::initializer_list<Map::value_type> entries) : Domains(Map(entries)) {}

  const Map& map() const {
    static const Map kNone;
    return map_ ? *map_ : kNone;
  }
  Map::const_iterator begin() const { return map().begin(); }
  Map::const_iterator end() const { return map().end(); }
  Map::const_iterator find(std::string_view name) const { return map().find(name); }
  bool contains(std::string_view name) const { return map().contains(name); }
  /// Throws std::out_of_range for an unknown name.
  const Domain& at(const std::string& name) const { return map().at(name); }
  std::size_t size() const { return map().size(); }
  bool empty() const { return map().empty(); }

  /// Adds or replaces. Copies the map first, so that others keep theirs.
  void set(std::string name, Domain domain) {
    Map changed = map();
    changed.insert_or_assign(std::move(name), std::move(domain));
    map_ = std::make_shared<const Map>(std::move(changed));
  }

  bool operator==(const Domains& other) const { return map_ == other.map_ || map() == other.map(); }

 private:
  std::shared_ptr<const Map> map_;
};

/// Throws ConfigError, naming `name`, unless the domain is well-formed and not empty.
void validate(const Domain& domain, const std::string& name);

/// Whether the value is one that the domain may yield.
bool contains(const Domain& domain, const Value& value);

/// The value in the domain's own type (1 becomes 1.0 in a FloatDomain, the equal choice of a
/// CategoricalDomain); empty when the domain does not contain it.
std::optional<Value> coerce(const Domain& domain, const Value& value);

/// Whether two uses of one name in a study may stand side by side: same kind, same `log`, and for
/// categories the same choices. Bounds may differ. (The rule of Optuna's stores.)
bool compatible(const Domain& a, const Domain& b);

/// `float [0.0001, 0.1] log`, `int [1, 8] step 2`, `one of true, false`.
std::string to_string(const Domain& domain);

}  // namespace hypertune
