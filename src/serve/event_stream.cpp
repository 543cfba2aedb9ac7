// Events for who listens, as a stream of server-sent events.
#include "serve/event_stream.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <memory>

#include "base/text.h"

namespace hypertune {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// How long is waited for an event before the listener's connection is looked at.
constexpr milliseconds kPatience{500};
/// A comment so often keeps proxies from taking the connection for dead.
constexpr seconds kHeartbeat{15};
constexpr std::size_t kMostAtOnce = 256;
/// What the browser waits before it connects again.
constexpr milliseconds kRetry{1000};

std::string text_of(std::string_view kind, const std::string& place, const Json& data) {
  return fmt::format("event: {}\nid: {}\ndata: {}\n\n", kind, place, dump_json(data));
}

/// Where one listener is.
class Listener {
 public:
  Listener(const Events& events, std::optional<StudyId> study, std::stop_token stop)
      : events_(events), study_(study), stop_(std::move(stop)) {}

  /// The first piece. `place` is empty for a new listener.
  void begin(std::string_view place) {
    const auto known = place.empty() ? std::nullopt : events_.id_of(place);
    at_ = known.value_or(events_.last_id());
    const bool lost = !place.empty() && !known;
    first_ = fmt::format("retry: {}\n", kRetry.count()) + greeting(lost ? "reset" : "hello");
  }

  std::optional<std::string> next() {
    if (!first_.empty()) return std::exchange(first_, {});
    if (stop_.stop_requested()) return std::nullopt;
    const std::uint64_t before = events_.last_id();
    const auto news = events_.after(at_, study_, kMostAtOnce, kPatience, stop_);
    std::string piece;
    if (!news.empty()) {
      for (const LiveEvent& event : news) {
        piece += text_of(event.kind, events_.place(event.id), event.data);
      }
      at_ = news.back().id;
    } else if (!events_.id_of(events_.place(at_))) {
      at_ = events_.last_id();
      piece = greeting("reset");
    } else {
      at_ = std::max(at_, before);  // all until then are of other studies
    }
    const auto now = steady_clock::now();
    if (piece.empty() && now - spoke_ >= kHeartbeat) piece = ":\n\n";
    if (!piece.empty()) spoke_ = now;
    return piece;
  }

 private:
  std::string greeting(std::string_view kind) const {
    const std::string place = events_.place(at_);
    return text_of(kind, place, {{"place", place}});
  }

  const Events& events_;
  std::optional<StudyId> study_;
  std::stop_token stop_;
  std::uint64_t at_ = 0;
  std::string first_ = {};
  steady_clock::time_point spoke_ = steady_clock::now();
};

std::optional<StudyId> wanted_study(const HttpRequest& request) {
  const auto text = request.argument("study");
  if (!text) return std::nullopt;
  StudyId study = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), study);
  if (fault != std::errc() || end != text->data() + text->size()) {
    throw HttpError{400, fmt::format("study={}: it is the number of a study, see /api/studies",
                                     plain_text(shorten(*text, 50)))};
  }
  return study;
}

}  // namespace

HttpStream event_stream(const HttpRequest& request, const Events& events, std::stop_token stop) {
  const auto listener = std::make_shared<Listener>(events, wanted_study(request), std::move(stop));
  const std::string_view last = request.header("last-event-id");
  listener->begin(last.empty() ? request.argument("last").value_or("") : last);
  return {.next = [listener] { return listener->next(); }};
}

}  // namespace hypertune
