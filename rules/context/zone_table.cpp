#include "rules/context/zone_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "cep/value/civil_date.h"
#include "cep/value/time.h"

namespace tocsin::rules {
namespace {
constexpr std::int64_t kDaySeconds = 86'400;

int year_of(std::int64_t seconds) {
  const std::int64_t days = seconds / kDaySeconds - (seconds % kDaySeconds < 0 ? 1 : 0);
  return static_cast<int>(cep::civil_of(days).year);
}

// ---- the footer: a POSIX TZ string, "CET-1CEST,M3.5.0,M10.5.0/3"
struct ChangeDay {
  enum class Form { kMonth, kJulian, kDay } form = Form::kMonth;
  int month = 1;
  int week = 1;
  int day = 0;
  std::int64_t seconds = 7200;  // after local midnight

  std::int64_t midnight_of(int year) const {
    if (form == Form::kJulian) {  // 1 to 365, 29 February never counts
      const int leap = cep::is_leap_year(year) && day >= 60 ? 1 : 0;
      return (cep::days_of({year, 1, 1}) + day - 1 + leap) * kDaySeconds;
    }
    if (form == Form::kDay) return (cep::days_of({year, 1, 1}) + day) * kDaySeconds;
    const std::int64_t first = cep::days_of({year, month, 1});
    const std::int64_t weekday = ((first + 4) % 7 + 7) % 7;  // Sunday is 0
    std::int64_t date = first + (day - weekday + 7) % 7 + (week - 1) * 7;
    const std::int64_t next_month =
        month == 12 ? cep::days_of({year + 1, 1, 1}) : cep::days_of({year, month + 1, 1});
    while (date >= next_month) date -= 7;
    return date * kDaySeconds;
  }
};
struct Footer {
  std::int64_t standard = 0;  // seconds east of Greenwich
  bool has_summer = false;
  std::int64_t summer = 0;
  ChangeDay begin;
  ChangeDay end;
};

class FooterReader {
 public:
  explicit FooterReader(std::string_view text) : text_(text) {}
  std::optional<Footer> read() {
    Footer footer;
    if (!name() || !clock(footer.standard)) return std::nullopt;
    footer.standard = -footer.standard;
    if (done()) return footer;
    footer.has_summer = true;
    if (!name()) return std::nullopt;
    footer.summer = footer.standard + 3600;
    if (!done() && peek() != ',') {
      if (!clock(footer.summer)) return std::nullopt;
      footer.summer = -footer.summer;
    }
    if (!change(footer.begin) || !change(footer.end) || !done()) return std::nullopt;
    return footer;
  }

 private:
  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool skip(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool name() {
    const std::size_t begin = at_;
    if (skip('<')) {
      while (!done() && peek() != '>') ++at_;
      return skip('>');
    }
    while (!done() && ((peek() | 0x20) >= 'a' && (peek() | 0x20) <= 'z')) ++at_;
    return at_ > begin;
  }
  bool number(int& out) {
    const std::size_t begin = at_;
    out = 0;
    while (peek() >= '0' && peek() <= '9' && at_ - begin < 4) out = out * 10 + (text_[at_++] - '0');
    return at_ > begin;
  }
  // [+-]hh[:mm[:ss]]
  bool clock(std::int64_t& seconds) {
    const bool negative = skip('-');
    if (!negative) skip('+');
    int hours = 0;
    int minutes = 0;
    int rest = 0;
    if (!number(hours)) return false;
    if (skip(':') && !number(minutes)) return false;
    if (skip(':') && !number(rest)) return false;
    seconds = hours * 3600 + minutes * 60 + rest;
    if (negative) seconds = -seconds;
    return true;
  }
  bool change(ChangeDay& out) {
    if (!skip(',')) return false;
    if (skip('M')) {
      if (!number(out.month) || !skip('.') || !number(out.week) || !skip('.') || !number(out.day)) {
        return false;
      }
      if (out.month < 1 || out.month > 12 || out.week < 1 || out.week > 5 || out.day > 6) {
        return false;
      }
    } else {
      out.form = skip('J') ? ChangeDay::Form::kJulian : ChangeDay::Form::kDay;
      if (!number(out.day) || out.day > 366) return false;
    }
    return !skip('/') || clock(out.seconds);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// ---- TZif
class ZoneReader {
 public:
  ZoneReader(std::string name, std::string_view bytes) : bytes_(bytes) {
    zone_.name = std::move(name);
  }

  Result<cep::Zone> read() {
    Header header;
    if (!read_header(header)) return corrupt();
    if (header.version >= '2') {
      // A second block with times of 64 bits follows the first.
      at_ += size_of(header, 4);
      if (at_ > bytes_.size() || !read_header(header)) return corrupt();
      if (!read_block(header, 8)) return corrupt();
      if (!read_footer()) return corrupt();
    } else if (!read_block(header, 4)) {
      return corrupt();
    }
    return std::move(zone_);
  }

 private:
  struct Header {
    char version = 0;
    std::size_t utc_count = 0, standard_count = 0, leap_count = 0, time_count = 0, type_count = 0,
                char_count = 0;
  };
  auto corrupt() const -> tl::unexpected<Error> {
    return fail(Errc::kCorrupt, "no time zone file: " + zone_.name);
  }
  std::int64_t big_endian(std::size_t at, std::size_t size) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8 | static_cast<unsigned char>(bytes_[at + i]);
    }
    if (size == 4) return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
    return static_cast<std::int64_t>(value);
  }
  bool read_header(Header& header) {
    constexpr std::size_t kHeaderBytes = 44;
    if (bytes_.size() - at_ < kHeaderBytes || bytes_.substr(at_, 4) != "TZif") return false;
    header.version = bytes_[at_ + 4];
    std::size_t* const counts[] = {&header.utc_count,  &header.standard_count, &header.leap_count,
                                   &header.time_count, &header.type_count,     &header.char_count};
    for (std::size_t i = 0; i < 6; ++i) {
      const std::int64_t count = big_endian(at_ + 20 + 4 * i, 4);
      if (count < 0 || count > 100'000) return false;
      *counts[i] = static_cast<std::size_t>(count);
    }
    at_ += kHeaderBytes;
    return header.type_count > 0;
  }
  static std::size_t size_of(const Header& h, std::size_t time_bytes) {
    return h.time_count * (time_bytes + 1) + h.type_count * 6 + h.char_count +
           h.leap_count * (time_bytes + 4) + h.standard_count + h.utc_count;
  }
  void add(std::int64_t seconds, std::int64_t offset) {
    if (!zone_.changes.empty() && zone_.changes.back().offset_seconds == offset) return;
    zone_.changes.push_back(
        {cep::EventTime{seconds * 1'000'000}, static_cast<std::int32_t>(offset)});
  }
  bool read_block(const Header& header, std::size_t time_bytes) {
    const std::size_t size = size_of(header, time_bytes);
    if (bytes_.size() - at_ < size) return false;
    const std::size_t types = at_ + header.time_count * (time_bytes + 1);
    const auto offset_of = [&](std::size_t type) { return big_endian(types + 6 * type, 4); };
    zone_.changes.push_back({cep::kEventTimeMin, static_cast<std::int32_t>(offset_of(0))});
    constexpr std::int64_t kFar = std::int64_t{1} << 40;  // about 35,000 years
    for (std::size_t i = 0; i < header.time_count; ++i) {
      const std::int64_t seconds = big_endian(at_ + i * time_bytes, time_bytes);
      const auto type =
          static_cast<unsigned char>(bytes_[at_ + header.time_count * time_bytes + i]);
      if (type >= header.type_count) return false;
      last_change_ = seconds;
      if (seconds < -kFar || seconds > kFar) {
        if (seconds < 0)
          zone_.changes.front().offset_seconds = static_cast<std::int32_t>(offset_of(type));
        continue;
      }
      add(seconds, offset_of(type));
    }
    at_ += size;
    return true;
  }
  // What holds after the last change: "\n" TZ "\n".
  bool read_footer() {
    const std::string_view rest = bytes_.substr(at_);
    if (rest.size() < 2 || rest.front() != '\n') return false;
    const std::size_t end = rest.find('\n', 1);
    if (end == std::string_view::npos) return false;
    const std::string_view text = rest.substr(1, end - 1);
    if (text.empty()) return true;
    const std::optional<Footer> footer = FooterReader(text).read();
    if (!footer) return false;
    if (!footer->has_summer) {
      if (last_change_) add(*last_change_, footer->standard);
      return true;
    }
    const int first_year = last_change_ ? year_of(*last_change_) : 1970;
    struct Coming {
      std::int64_t seconds;
      std::int64_t offset;
    };
    std::vector<Coming> coming;
    for (int year = first_year; year <= kLastZoneYear; ++year) {
      coming.push_back({footer->begin.midnight_of(year) + footer->begin.seconds - footer->standard,
                        footer->summer});
      coming.push_back(
          {footer->end.midnight_of(year) + footer->end.seconds - footer->summer, footer->standard});
    }
    std::ranges::sort(coming, {}, &Coming::seconds);
    for (const Coming& change : coming) {
      if (!last_change_ || change.seconds > *last_change_) add(change.seconds, change.offset);
    }
    return true;
  }

  cep::Zone zone_;
  std::string_view bytes_;
  std::size_t at_ = 0;
  std::optional<std::int64_t> last_change_;
};

// The database's files have plain names below its folder.
bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 100 || name.front() == '/' || name.back() == '/') return false;
  if (name.find("..") != name.npos || name.find("//") != name.npos) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '/';
  });
}
}  // namespace

Result<cep::Zone> parse_zone(std::string name, std::string_view bytes) {
  return ZoneReader(std::move(name), bytes).read();
}

Result<std::string> read_system_zone(const std::string& name) {
  const char* folder = std::getenv("TZDIR");
  const std::string path = fmt::format(
      "{}/{}", folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo", name);
  std::error_code ignored;
  std::string bytes;
  if (std::filesystem::is_regular_file(path, ignored)) {
    std::ifstream in(path, std::ios::binary);
    if (in) bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  if (bytes.empty()) return fail(Errc::kNotFound, "cannot read " + path);
  return bytes;
}

ZoneTable::Use ZoneTable::use(const std::string& name) {
  const auto [known, is_new] = known_.try_emplace(name);
  if (is_new && is_zone_name(name)) {
    const Result<std::string> bytes = read_(name);
    if (bytes) {
      Result<cep::Zone> zone = parse_zone(name, *bytes);
      if (zone) known->second = std::move(*zone);
    }
  }
  if (known->second) return Use::kKnown;
  // A database has this one.
  if (const Result<std::string> utc = read_("UTC"); !utc) {
    problem_ = utc.error().message;
    return Use::kNoDatabase;
  }
  return Use::kUnknown;
}

bool ZoneTable::use_all() {
  if (names().empty()) return false;
  for (const std::string& name : names()) use(name);
  return true;
}

const std::vector<std::string>& ZoneTable::names() {
  if (names_) return *names_;
  names_.emplace();
  const Result<std::string> text = read_("tzdata.zi");
  if (!text) {
    problem_ = text.error().message;
    return *names_;
  }
  // "Z NAME …" begins a zone, "L TARGET NAME" a link to one.
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool is_link = line.starts_with("L ");
    if (!is_link && !line.starts_with("Z ")) continue;
    line.remove_prefix(2);
    if (is_link) line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
    names_->emplace_back(line.substr(0, line.find(' ')));
  }
  std::ranges::sort(*names_);
  return *names_;
}

std::vector<cep::Zone> ZoneTable::take() {
  std::vector<cep::Zone> zones;
  for (auto& [name, zone] : known_) {
    if (zone) zones.push_back(std::move(*zone));
  }
  known_.clear();
  return zones;
}
}  // namespace tocsin::rules
