// The page, embedded in the program.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "serve/http.h"

namespace hypertune {

/// A file of the page as it was embedded. `cmake/page.cmake` says how.
struct PageFile {
  std::string_view path;  ///< `/assets/index-B2a.js`
  std::string_view type;  ///< Content-Type
  std::string_view etag;  ///< in quotes, of the content
  bool is_hashed;         ///< the name changes with the content
  std::string_view gzip;
  std::string_view brotli;
};

/// All of them; none when the program was built without the page.
std::span<const PageFile> page_files();
/// Why there are none, and how to mend it; empty when there are.
std::string_view why_no_page();
inline bool has_page() { return !page_files().empty(); }

/// The file of the page at this path, compressed as the request accepts it; `/` and the page's own
/// places (`/studies/...`) give index.html. Nothing when there is none.
std::optional<HttpResponse> page_file(const HttpRequest& request);
/// The same among other files.
std::optional<HttpResponse> page_file(const HttpRequest& request, std::span<const PageFile> files);

/// Whether the page, and not a file of it, answers for this path.
bool is_place_of_page(std::string_view path);

}  // namespace hypertune
