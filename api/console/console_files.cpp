#include "api/console/console_files.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <string>

#include "api/rest/problem.h"
#include "cep/base/trimmed.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kRoot = "/console";
constexpr std::string_view kPage = "/console/index.html";
constexpr std::string_view kFiles = "/console/assets/";
constexpr int kGzipOnly = 16 + MAX_WBITS;

// Nothing is loaded but from here, and nothing that is text becomes a script or a style.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
    "'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

void add_safety(HttpResponse& response) {
  response.headers.push_back({"Content-Security-Policy", std::string(kPolicy)});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  response.headers.push_back({"Referrer-Policy", "no-referrer"});
  response.headers.push_back({"Cross-Origin-Opener-Policy", "same-origin"});
  response.headers.push_back({"Cross-Origin-Resource-Policy", "same-origin"});
}

std::string unpack(std::string_view packed) {
  std::string text;
  z_stream stream{};
  if (::inflateInit2(&stream, kGzipOnly) != Z_OK) return text;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::array<char, 16384> block;
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    status = ::inflate(&stream, Z_NO_FLUSH);
    text.append(block.data(), block.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  return text;
}

bool names_tag(std::string_view if_none_match, std::string_view tag) {
  return if_none_match == "*" || if_none_match.find(tag) != std::string_view::npos;
}

HttpResponse file_answer(const RequestHead& head, const ConsoleAsset& asset) {
  HttpResponse response;
  // The same for the packed and the unpacked form, hence weak.
  const std::string tag = fmt::format("W/\"{}\"", asset.digest.substr(0, 32));
  response.headers.push_back({"ETag", tag});
  response.headers.push_back({"Vary", "Accept-Encoding"});
  response.headers.push_back(
      {"Cache-Control", asset.is_immutable ? "public, max-age=31536000, immutable" : "no-cache"});
  add_safety(response);
  if (names_tag(head.header("if-none-match").value_or(""), tag.substr(2))) {
    response.status = 304;
    return response;
  }
  response.content_type = asset.content_type;
  if (takes_gzip(head.header("accept-encoding").value_or(""))) {
    response.headers.push_back({"Content-Encoding", "gzip"});
    response.body = asset.packed;
  } else {
    response.body = unpack(asset.packed);
  }
  return response;
}

HttpResponse redirect(int status) {
  HttpResponse response;
  response.status = status;
  response.headers.push_back({"Location", std::string(kRoot) + "/"});
  response.headers.push_back({"Cache-Control", "no-cache"});
  add_safety(response);
  return response;
}
}  // namespace

bool takes_gzip(std::string_view accept_encoding) {
  bool takes = false;
  while (!accept_encoding.empty()) {
    const std::string_view item = accept_encoding.substr(0, accept_encoding.find(','));
    accept_encoding.remove_prefix(std::min(accept_encoding.size(), item.size() + 1));
    const std::string_view coding = trimmed(item.substr(0, item.find(';')));
    const bool is_refused = item.find("q=0") != item.npos && item.find("q=0.") == item.npos;
    if (coding == "gzip" || coding == "x-gzip") return !is_refused;
    if (coding == "*") takes = !is_refused;
  }
  return takes;
}

std::optional<HttpResponse> answer_console(const RequestHead& head,
                                           std::span<const ConsoleAsset> assets) {
  const std::string_view target = head.target;
  const std::string_view path = target.substr(0, target.find('?'));
  const bool is_below = path.starts_with(kRoot) && path.substr(kRoot.size()).starts_with('/');
  if (path != "/" && path != kRoot && !is_below) return std::nullopt;
  if (head.method != "GET" && head.method != "HEAD") {
    HttpResponse refusal =
        problem_response(ProblemKind::kMethodNotAllowed, fmt::format("{} has GET, HEAD", path));
    refusal.headers.push_back({"Allow", "GET, HEAD"});
    add_safety(refusal);
    return refusal;
  }
  if (path == "/") return redirect(302);
  if (path == kRoot) return redirect(308);
  const auto named = [&](std::string_view name) {
    return std::ranges::find(assets, name, &ConsoleAsset::path);
  };
  if (const auto file = named(path); file != assets.end()) return file_answer(head, *file);
  if (path.starts_with(kFiles)) {
    HttpResponse missing =
        problem_response(ProblemKind::kNotFound, fmt::format("the console has no file {}", path));
    missing.headers.push_back({"Cache-Control", "no-store"});
    add_safety(missing);
    return missing;
  }
  return file_answer(head, *named(kPage));
}
}  // namespace tocsin::api
