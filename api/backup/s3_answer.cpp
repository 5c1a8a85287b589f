#include "api/backup/s3_answer.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

namespace tocsin::api {
namespace {
// What stands between <name> and </name>; `from` moves behind it. Nothing where it is not there.
std::optional<std::string_view> element(std::string_view xml, std::string_view name,
                                        std::size_t& from) {
  const std::string begin = fmt::format("<{}>", name);
  const std::string end = fmt::format("</{}>", name);
  const std::size_t at = xml.find(begin, from);
  if (at == xml.npos) return std::nullopt;
  const std::size_t close = xml.find(end, at + begin.size());
  if (close == xml.npos) return std::nullopt;
  from = close + end.size();
  return xml.substr(at + begin.size(), close - at - begin.size());
}

void append_utf8(std::string& text, std::uint32_t point) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((point >> shift) & 0x3f)); };
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xc0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    text += static_cast<char>(0xe0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xf0 | (point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// What is not an entity stays as it is.
std::string plain(std::string_view xml) {
  constexpr std::pair<std::string_view, char> kNames[] = {
      {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
  std::string text;
  while (!xml.empty()) {
    const std::size_t end = xml.find(';');
    if (xml.front() != '&' || end == xml.npos) {
      text += xml.front();
      xml.remove_prefix(1);
      continue;
    }
    std::string_view name = xml.substr(1, end - 1);
    const std::size_t before = text.size();
    for (const auto& [known, letter] : kNames) {
      if (name == known) text += letter;
    }
    if (name.starts_with('#')) {
      const bool is_hex = name.starts_with("#x");
      name.remove_prefix(is_hex ? 2 : 1);
      std::uint32_t point = 0;
      const auto read =
          std::from_chars(name.data(), name.data() + name.size(), point, is_hex ? 16 : 10);
      const bool is_whole = read.ec == std::errc{} && read.ptr == name.data() + name.size();
      if (is_whole && point < 0x110000) append_utf8(text, point);
    }
    if (text.size() == before) {
      text += '&';
      xml.remove_prefix(1);
    } else {
      xml.remove_prefix(end + 1);
    }
  }
  return text;
}
}  // namespace

std::string s3_text(std::string_view xml, std::string_view name) {
  std::size_t from = 0;
  return plain(element(xml, name, from).value_or(""));
}

Result<S3Page> parse_s3_page(std::string_view xml) {
  const auto damaged = [](std::string_view what) {
    return fail(Errc::kCorrupt, fmt::format("the list of objects is damaged: {}", what));
  };
  if (xml.find("<ListBucketResult") == xml.npos || xml.find("</ListBucketResult>") == xml.npos)
    return damaged("it is no ListBucketResult");
  S3Page page;
  std::size_t from = 0;
  while (const auto object = element(xml, "Contents", from)) {
    StoredObject stored{s3_text(*object, "Key"), 0};
    const std::string size = s3_text(*object, "Size");
    const auto read = std::from_chars(size.data(), size.data() + size.size(), stored.bytes);
    const bool is_number = read.ec == std::errc{} && read.ptr == size.data() + size.size();
    if (stored.name.empty() || !is_number) return damaged("an object has no name or no size");
    page.objects.push_back(std::move(stored));
  }
  if (s3_text(xml, "IsTruncated") != "true") return page;
  page.next = s3_text(xml, "NextContinuationToken");
  if (page.next.empty()) return damaged("it goes on, and does not say where");
  return page;
}
}  // namespace tocsin::api
