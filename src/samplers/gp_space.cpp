// A search space as the coordinates of a Gaussian process.
#include "samplers/gp_space.h"

#include <algorithm>
#include <cmath>

#include "space/encoding.h"

namespace hypertune {
namespace {

/// More steps than this are as good as a continuous axis.
constexpr double kManyValues = 1 << 20;

/// How many values the domain has; 0 where there are too many to count.
std::size_t count_values(const Domain& domain) {
  if (const auto* choices = std::get_if<CategoricalDomain>(&domain)) {
    return choices->choices.size();
  }
  double last = kManyValues;
  if (const auto* whole = std::get_if<IntDomain>(&domain)) {
    last = static_cast<double>(last_step(*whole));
  } else {
    const auto& real = std::get<FloatDomain>(domain);
    if (real.step) last = last_step(real);
    if (real.low == real.high) last = 0;
  }
  return last < kManyValues ? static_cast<std::size_t>(last) + 1 : 0;
}

GpAxis axis_of(const std::string& name, const Domain& domain) {
  return {.name = name,
          .domain = domain,
          .category = std::holds_alternative<CategoricalDomain>(domain),
          .values = count_values(domain)};
}

const Domain* domain_in(const History& history, const std::string& name) {
  for (std::size_t i = history.trials.size(); i-- > 0;) {
    const auto found = history.trials[i].domains.find(name);
    if (found != history.trials[i].domains.end()) return &found->second;
  }
  return nullptr;
}

Value value_at(const GpAxis& axis, double coordinate) {
  const auto* choices = std::get_if<CategoricalDomain>(&axis.domain);
  if (choices == nullptr) return decode(axis.domain, coordinate);
  return choices->choices[static_cast<std::size_t>(coordinate)];
}

std::optional<double> coordinate_of(const GpAxis& axis, const Value& value) {
  const auto unit = encode(axis.domain, value);
  if (!unit) return std::nullopt;
  return axis.category ? axis.coordinate(*unit) : *unit;
}

}  // namespace

double GpAxis::coordinate(double unit) const {
  if (category) {
    const auto last = static_cast<double>(values - 1);
    return std::clamp(std::floor(unit * static_cast<double>(values)), 0.0, last);
  }
  if (values == 0 && !std::holds_alternative<IntDomain>(domain)) return std::clamp(unit, 0.0, 1.0);
  return *encode(domain, decode(domain, unit));
}

GpSpace::GpSpace(const SearchSpace& space, const History& history) : space_(&space) {
  for (const Parameter& parameter : space.parameters()) {
    if (count_values(parameter.domain) == 1) continue;
    GpAxis& axis = axes_.emplace_back(axis_of(parameter.name, parameter.domain));
    axis.optional = parameter.when.has_value();
    conditional_ = conditional_ || axis.optional;
  }
  held_.assign(axes_.size(), 0.0);
  add_held(history);
}

void GpSpace::add_held(const History& history) {
  for (const auto& [name, value] : space_->fixed()) {
    const Domain* domain = domain_in(history, name);
    if (domain == nullptr || count_values(*domain) == 1) continue;
    GpAxis axis = axis_of(name, *domain);
    axis.held = axis.optional = true;
    const auto own = coordinate_of(axis, value);
    const bool differs = own && std::ranges::any_of(history.trials, [&](const TrialRecord& trial) {
                           const auto other = trial.params.find(axis.name);
                           return other != trial.params.end() && !same_value(other->second, value);
                         });
    if (!differs) continue;
    axes_.push_back(std::move(axis));
    held_.push_back(*own);
  }
}

bool GpSpace::empty() const { return std::ranges::all_of(axes_, &GpAxis::held); }

std::optional<std::vector<double>> GpSpace::place(const Params& params) const {
  std::vector<double> place;
  place.reserve(axes_.size());
  for (const GpAxis& axis : axes_) {
    const auto entry = params.find(axis.name);
    if (entry == params.end()) {
      if (!axis.optional) return std::nullopt;
      place.push_back(axis.absent());
      continue;
    }
    const auto coordinate = coordinate_of(axis, entry->second);
    if (!coordinate) return std::nullopt;
    place.push_back(*coordinate);
  }
  return place;
}

std::vector<double> GpSpace::place_at(std::span<const double> units) const {
  std::vector<double> place(dims());
  for (std::size_t d = 0; d < dims(); ++d) {
    place[d] = axes_[d].held ? held_[d] : axes_[d].coordinate(units[d]);
  }
  if (conditional_) settle(place);
  return place;
}

bool GpSpace::in_cell(const std::vector<double>& place) const {
  for (std::size_t d = 0; d < dims(); ++d) {
    if (axes_[d].held && place[d] != held_[d]) return false;
  }
  return true;
}

void GpSpace::settle(std::vector<double>& place) const {
  for (std::size_t d = 0; d < dims(); ++d) {
    const GpAxis& axis = axes_[d];
    if (axis.held) {
      place[d] = held_[d];
    } else {
      // What comes into existence begins with the first choice.
      place[d] = axis.category ? std::max(place[d], 0.0) : axis.coordinate(place[d]);
    }
  }
  if (conditional_) take_away_absent(place);
}

Params GpSpace::params(std::vector<double> place) const { return take_away_absent(place); }

bool GpSpace::allows(const std::vector<double>& place) const {
  return space_->constraints().empty() || space_->allows(params(place));
}

/// The parameters that exist at the place.
Params GpSpace::take_away_absent(std::vector<double>& place) const {
  Params decided;
  std::size_t d = 0;  // axes are in the order of the parameters, of which some have none
  for (const Parameter& parameter : space_->parameters()) {
    const bool has_axis = d < dims() && axes_[d].name == parameter.name;
    if (space_->active(parameter, decided)) {
      decided[parameter.name] =
          has_axis ? value_at(axes_[d], place[d]) : decode(parameter.domain, 0.5);
    } else if (has_axis) {
      place[d] = axes_[d].absent();
    }
    d += has_axis ? 1 : 0;
  }
  return decided;
}

}  // namespace hypertune
