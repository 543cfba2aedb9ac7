// Events for who listens, as a stream of server-sent events.
#pragma once

#include <stop_token>

#include "serve/events.h"
#include "serve/http_listener.h"

namespace hypertune {

/// Answers `/api/events`: first `hello`, or `reset` when the place that the listener was at (in
/// `Last-Event-ID` or the argument `last`) is not known any more; then what came after it. Ends
/// when `stop` is requested. `events` must outlive it. Throws HttpError (400).
HttpStream event_stream(const HttpRequest& request, const Events& events, std::stop_token stop);

}  // namespace hypertune
