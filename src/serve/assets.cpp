// The page, embedded in the program.
#include "serve/assets.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/text.h"

namespace hypertune {
namespace {

constexpr std::string_view kIndex = "/index.html";

/// Whether `Accept-Encoding` names the coding, and not with `q=0`.
bool accepts(std::string_view header, std::string_view coding) {
  for (const std::string& part : split(header, ',')) {
    const std::vector<std::string> words = split(part, ';');
    if (trim(words.front()) != coding) continue;
    const std::string_view quality = words.size() > 1 ? trim(words[1]) : "";
    return !quality.starts_with("q=0") || quality.find_first_of("123456789") != quality.npos;
  }
  return false;
}

/// For clients that take the content as it is alone, which browsers are not.
std::string decompressed(std::string_view gzip) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  HT_ASSERT(inflateInit2(&stream, kGzip) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  std::string out;
  std::array<char, 65536> buffer{};
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  HT_ASSERT(state == Z_STREAM_END);
  return out;
}

/// Whether the client has this very content; validators may stand in a list.
bool is_known(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace

bool is_place_of_page(std::string_view path) {
  return path == "/" || path == "/studies" || path.starts_with("/studies/");
}

std::optional<HttpResponse> page_file(const HttpRequest& request) {
  return page_file(request, page_files());
}

std::optional<HttpResponse> page_file(const HttpRequest& request, std::span<const PageFile> files) {
  const std::string_view path = is_place_of_page(request.path) ? kIndex : request.path;
  const auto file = std::ranges::find(files, path, &PageFile::path);
  if (file == files.end()) return std::nullopt;
  HttpResponse response{.type = std::string(file->type)};
  response.headers = {
      {"ETag", std::string(file->etag)},
      {"Vary", "Accept-Encoding"},
      {"Cache-Control", file->is_hashed ? "public, max-age=31536000, immutable" : "no-cache"}};
  if (is_known(request.header("if-none-match"), file->etag)) {
    response.status = 304;
    return response;
  }
  const std::string_view accepted = request.header("accept-encoding");
  if (accepts(accepted, "br")) {
    response.headers.emplace_back("Content-Encoding", "br");
    response.body = file->brotli;
  } else if (accepts(accepted, "gzip")) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = file->gzip;
  } else {
    response.body = decompressed(file->gzip);
  }
  return response;
}

}  // namespace hypertune
