#include "tests/runtime/random_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tocsin::tests {
void change_between_strings(Random& random, std::string& line) {
  // Quotes that begin or end a string, and other places that are no part of an escape or of a
  // character of several bytes.
  std::vector<std::size_t> quotes;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quotes.push_back(i);
    } else if (static_cast<unsigned char>(line[i]) < 0x80) {
      places.push_back(i);
    }
  }
  const auto some_place = [&] { return places.empty() ? 0 : random.pick(places); };
  switch (random.below(7)) {
    case 0:
      line.insert(some_place(), random.pick({"\"\"", "\"a\"", "\",\"", "\":\"", "\"\"\"\""}));
      break;
    case 1:
      line.insert(some_place(), 1, random.pick({',', ':', '{', '}', '[', ']', ' ', '0', 'x', '+'}));
      break;
    case 2:
      if (!places.empty()) line.erase(some_place(), 1);
      break;
    case 3:
      if (!places.empty()) {
        line[some_place()] = random.pick({',', ':', '{', '}', '[', ']', ' ', '0', 'x', '|'});
      }
      break;
    case 4:  // one string less
      if (quotes.size() >= 2) {
        const std::size_t first = random.below(quotes.size() - 1);
        line.erase(quotes[first + 1], 1);
        line.erase(quotes[first], 1);
      }
      break;
    case 5:  // a quote that stands elsewhere
      if (!quotes.empty() && !places.empty()) {
        const std::size_t from = random.pick(quotes);
        const std::size_t to = some_place();
        line.erase(from, 1);
        line.insert(to - (to > from ? 1 : 0), 1, '"');
      }
      break;
    default:  // a comma that stands elsewhere
      if (const std::size_t comma = line.find(',', some_place()); comma != std::string::npos) {
        line.erase(comma, 1);
        const std::size_t to = some_place();
        line.insert(to - (to > comma ? 1 : 0), 1, ',');
      }
  }
}

RandomLines::RandomLines(Random& random)
    : random_(random),
      is_careful_(random.chance(50)),
      comma_(random.pick({",", ",", ", ", " ,"})),
      colon_(random.pick({":", ":", ": ", " : "})),
      is_type_first_(random.chance(80)),
      others_(random.pick<std::size_t>({3, 3, 90})),
      now_(1'700'000'000'000'000) {}

std::string RandomLines::number() {
  switch (random_.weighted({40, 20, 5, 5, 5, 2, 2, 2, 2, 2})) {
    case 0:
      return std::to_string(random_.between(-9'999, 99'999));
    case 1:
      return fmt::format("{}.{:02}", random_.between(0, 9'999), random_.between(0, 99));
    case 2:
      return fmt::format("{}e{}", random_.between(1, 99), random_.between(-4, 6));
    case 3:
      return std::to_string(random_.next());
    case 4:
      return std::string(1 + random_.below(40), '9');
    case 5:
      return "-0";
    case 6:
      return "01";
    case 7:
      return "1.005";
    case 8:
      return fmt::format("{}e+{}", random_.between(1, 99), random_.between(0, 6));
    default:
      return "1e999";
  }
}

std::string RandomLines::string_text() {
  std::string text;
  const std::size_t pieces = random_.below(4);
  for (std::size_t i = 0; i < pieces; ++i) {
    text += random_.pick({"a", "bc", "some words", "\\\"", "\\\\", "\\n", "\\u00e9",
                          "\\ud83d\\ude00", "\xc3\xa9", "\xe2\x82\xac", "{", "}", ",", ":", "[x]",
                          "12345678901234567", "\\ud800", "\\x"});
  }
  return '"' + text + '"';
}

std::string RandomLines::long_text() {
  std::string text;
  const std::size_t size = random_.pick<std::size_t>({20, 70, 70, 500, 20'000});
  while (text.size() < size) {
    text += random_.pick({"words that are long enough to fill some space, ", "0123456789", "{\\\"}",
                          "\xc3\xa9", "\\u20ac", "\\\\"});
    if (!random_.chance(10)) text += std::string(random_.below(40), 'x');
  }
  return '"' + text + '"';
}

// Fields that nobody reads, some of them named like those that are read.
std::string RandomLines::more_fields() {
  std::string text;
  for (std::size_t i = random_.pick<std::size_t>({1, 2, 5, 40, 150}); i > 0; --i) {
    text += comma_ + '"' +
            random_.pick({"x_", "note_", "a_rather_long_name_of_a_field_", "\\u0061"}) +
            std::to_string(random_.below(200)) + '"' + colon_;
    const std::string one = "\"amount\"" + colon_ + number();
    switch (random_.weighted({40, 30, 10, 10, 10})) {
      case 0:
        text += number();
        break;
      case 1:
        text += string_text();
        break;
      case 2:
        text += '{' + one + comma_ + "\"geo\"" + colon_ + "{\"lat\"" + colon_ + "[1]}}";
        break;
      case 3:
        text += '[' + number() + comma_ + string_text() + comma_ + '{' + one + "}]";
        break;
      default:
        text += random_.chance(20) ? long_text() : "null";
    }
  }
  return text;
}

std::string RandomLines::value(const std::string& key) {
  if (slips(3)) {
    return random_.pick({"null", "true", "false", "[]", "{}", "[1,{\"a\":2}]", "{\"lat\":1}", "tru",
                         "-", "x", "1e+5", "|", "1:2", "\"a\"\"b\"", "\"a\":\"b\"", ""});
  }
  if (key == "ts" || key == "us") {
    now_ += random_.chance(50) ? random_.between(0, 5'000) : 0;
    if (random_.chance(1)) now_ += 90'000'000'000;
    const std::int64_t late = random_.chance(15) ? random_.between(0, 20'000) : 0;
    const std::int64_t ahead = random_.chance(1) ? 100'000'000'000 : 0;
    if (random_.chance(2)) return "\"2023-11-14T22:13:20Z\"";
    return std::to_string(now_ - late + ahead);
  }
  if (key == "amount" || key == "count" || key == "wait" || key == "rate" || key == "lat")
    return number();
  if (key == "seen") return std::to_string(now_);
  if (key == "day") return "\"2024-02-29\"";
  if (key == "ok") return random_.pick({"true", "false"});
  if (key == "channel")
    return random_.pick({"\"pos\"", "\"ecom\"", "\"atm\"", "\"e\\u0063om\"", "\"x\""});
  return random_.chance(2) ? long_text() : string_text();
}

std::string RandomLines::event() {
  static const std::vector<std::pair<const char*, std::vector<std::string>>> kTypes = {
      {"payment",
       {"id", "ts", "card", "amount", "count", "rate", "a_key_that_nobody_reads", "ok", "seen",
        "day", "wait", "channel", "geo"}},
      {"login", {"ts", "user", "ok"}},
      {"PNG", {"when", "id"}},
      // Nobody declares these.
      {"other", {"ts", "what"}},
      {"logon", {"ts", "user", "ok"}},
      {"a_type_of_somebody_else", {"what", "amount", "ts", "geo"}}};
  const auto& [type, all] =
      kTypes[random_.weighted({60, 25, 10, others_, others_ / 2, others_ / 2})];
  std::vector<std::string> keys = all;
  if (slips(10)) keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(random_.below(keys.size())));
  if (slips(4)) keys.push_back(keys[random_.below(keys.size())]);
  if (slips(3)) {
    for (std::size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[random_.below(i)]);
  }
  const std::size_t place = is_type_first_ != slips(3) ? 0 : std::min<std::size_t>(2, keys.size());
  if (!slips(1)) keys.insert(keys.begin() + static_cast<std::ptrdiff_t>(place), "type");
  std::string line = "{";
  for (const std::string& key : keys) {
    if (line.size() > 1) line += comma_;
    const bool is_odd = slips(1);
    line += is_odd ? fmt::format("\"\\u{:04x}{}\"", static_cast<unsigned>(key[0]), key.substr(1))
                   : '"' + key + '"';
    line += colon_;
    if (key == "type") {
      line += slips(1) ? random_.pick({"7", "\"pay\\u006dent\"", "\"o\\u0074her\"", "\"\""})
                       : fmt::format("\"{}\"", type);
    } else if (key == "geo") {
      line +=
          "{\"lat\"" + colon_ + value("lat") + comma_ + "\"city\"" + colon_ + value("city") + "}";
    } else if (key == "when") {
      line += "{\"us\"" + colon_ + value("us") + "}";
    } else {
      line += value(key);
    }
  }
  if (slips(4)) line += more_fields();
  return line + "}";
}

void RandomLines::mutate(std::string& line) {
  const std::size_t at = random_.below(line.size() + 1);
  switch (random_.below(6)) {
    case 0:
      line.resize(at);
      break;
    case 1:
      if (at < line.size()) line.erase(at, 1 + random_.below(3));
      break;
    case 2:
      line.insert(at, 1, random_.pick({'"', '{', '}', '[', ']', ',', ':', '\\', ' ', '0', '\x01'}));
      break;
    case 3:
      line.insert(at, random_.pick({"\xff", "\xc3", "\xe2\x82", "\xc3\xa9", "\t"}));
      break;
    case 4:
      if (at < line.size()) line[at] = random_.pick({'"', '}', ',', ':', 'x', '\\', '\x02'});
      break;
    default:
      line += random_.pick({"}", " ", "  \t", ",", "{}", "x", "\"", "\r"});
  }
}

std::string RandomLines::next() {
  std::string line = event();
  if (is_careful_) {
    for (; random_.chance(15);) change_between_strings(random_, line);
  } else if (random_.chance(6)) {
    mutate(line);
  }
  if (slips(1)) line.insert(0, " ");
  if (slips(1))
    line.insert(line.size() - std::min<std::size_t>(2, line.size()), std::string(400, ' '));
  line.erase(std::remove(line.begin(), line.end(), '\n'), line.end());
  return line;
}

std::string RandomLines::text(std::size_t lines) {
  const bool is_crlf = random_.chance(20);
  std::string text = random_.chance(10) ? "\xef\xbb\xbf" : "";
  for (std::size_t i = 0; i < lines; ++i) {
    if (slips(2)) text += random_.pick({"\n", "  \n", "\r\n", "\xef\xbb\xbf\n"});
    text += next();
    if (i + 1 == lines && random_.chance(30)) break;
    text += is_crlf != slips(1) ? "\r\n" : "\n";
  }
  return text;
}
}  // namespace tocsin::tests
