// Rows of CSV against the same events as JSON lines.
#include "runtime/csv/csv_rows.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/csv/csv_header.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/io/line_splitter.h"
#include "tests/runtime/event_plan.h"
#include "tests/support/printing.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kBytesMax = 4'000;

// What became of each line, and the values of each row.
class DecodedLines {
 public:
  explicit DecodedLines(const cep::Plan& plan)
      : plan_(plan),
        decoder_(plan, tests::all_fields(plan), tests::all_types(plan), {kBytesMax, 3}) {}

  std::vector<std::string> json(std::string text) { return said(std::move(text), nullptr); }
  std::vector<std::string> csv(std::string text, const CsvEvents& events) {
    return said(std::move(text), &events);
  }

 private:
  std::vector<std::string> said(std::string text, const CsvEvents* csv) {
    const std::size_t size = text.size();
    text.append(kLinePadding, '\n');
    const std::string_view block = std::string_view(text).substr(0, size);
    if (csv != nullptr) {
      decoder_.decode(block, true, *csv, rows_, block_);
    } else {
      decoder_.decode(block, true, block_);
    }
    std::vector<std::string> all;
    auto fault = block_.faults.begin();
    std::size_t row = 0;
    for (const BlockLine& line : block_.lines) {
      std::string one = fmt::format("{}: ", line.number);
      if (line.too_long) {
        one += "too long";
      } else if (line.kind == LineKind::kIgnored) {
        one += "ignored " + type_text((fault++)->problem.offender);
      } else if (line.kind == LineKind::kDeadLetter) {
        one += dead_letter_text(fault->problem, fault->type);
        ++fault;
      } else {
        const cep::Batch& batch = *block_.batches[row / 3];
        one += values(batch, batch.rows[row % 3]);
        ++row;
      }
      all.push_back(std::move(one));
    }
    all.push_back(fmt::format("{} lines", block_.line_count));
    return all;
  }

  std::string values(const cep::Batch& batch, const cep::Row& row) const {
    const cep::EventType& type = plan_.event_types[row.type.value];
    std::string text = type.name;
    for (std::size_t f = 0; f < type.fields.size(); ++f) {
      text += fmt::format(" {}=", type.fields[f].name);
      cep::append_json(text, batch.value(plan_, row, cep::FieldIndex(f)));
    }
    if (row.raw.empty()) return text;
    // Identities are of the declared fields.
    cep::TextArena scratch;
    for (const cep::Value& value : batch.fields_of(plan_, row, scratch)) {
      text += ' ';
      cep::append_json(text, value);
    }
    return text;
  }

  const cep::Plan& plan_;
  BlockDecoder decoder_;
  CsvBlock rows_;
  DecodedBlock block_;
};

const cep::Plan& plan() {
  static const cep::Plan kPlan = tests::event_plan();
  return kPlan;
}

CsvFormat format_of(std::string_view text, const CsvOptions& options = {}) {
  const Result<CsvFormat> format = recognise_csv(text, options, plan(), "in.csv");
  REQUIRE_MESSAGE(format, format.error().message);
  return *format;
}
std::string refusal_of(std::string_view text, const CsvOptions& options = {}) {
  const Result<CsvFormat> format = recognise_csv(text, options, plan(), "in.csv");
  return format ? "" : format.error().message;
}
// What the rows of a text are, without the header's line.
std::vector<std::string> rows_of(const std::string& text, const CsvOptions& options = {}) {
  const CsvEvents events(plan(), format_of(text, options), OtherColumns::kLeftOut);
  return DecodedLines(plan()).csv(text, events);
}
std::string row_of(const std::string& header, const std::string& row,
                   const CsvOptions& options = {}) {
  const std::vector<std::string> rows = rows_of(header + "\n" + row + "\n", options);
  REQUIRE(rows.size() == 2);
  return rows.front();
}

std::string in_quotes(const std::string& text) {
  std::string csv = "\"";
  for (const char c : text) csv += c == '"' ? "\"\"" : std::string(1, c);
  return csv + '"';
}

// One value as a cell of CSV and as a JSON token.
struct Cell {
  std::string csv;
  std::string json;
};
// Events of event_plan() in both forms.
class BothForms {
 public:
  explicit BothForms(tests::Random& random)
      : random_(random), separator_(random.pick({',', ';', '\t', '|'})) {
    columns_ = {"type", "id",   "ts",      "card",    "amount",   "count", "rate",    "ok",  "seen",
                "day",  "wait", "channel", "geo.lat", "geo.city", "user",  "when.us", "note"};
    for (std::size_t i = columns_.size(); i > 1; --i) {
      std::swap(columns_[i - 1], columns_[random.below(i)]);
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      csv_ += (i == 0 ? "" : std::string(1, separator_)) + columns_[i];
    }
    end_line();
    json_ += '\n';
  }
  void add() {
    const std::string type = random_.pick<std::string>({"payment", "payment", "login", "PNG", "x"});
    std::string members = "\"type\":\"" + type + "\"";
    std::string geo;
    std::string when;
    std::size_t lines = 1;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& column = columns_[i];
      const Cell cell = column == "type" ? Cell{type, ""} : cell_of(column, type);
      csv_ += (i == 0 ? "" : std::string(1, separator_)) + cell.csv;
      for (const char c : cell.csv) lines += c == '\n' ? 1 : 0;
      if (column == "type") continue;
      if (column.starts_with("geo.") && type == "payment") {
        geo += (geo.empty() ? "\"" : ",\"") + column.substr(4) + "\":" + cell.json;
      } else if (column == "when.us" && type == "PNG") {
        when = "\"us\":" + cell.json;
      } else {
        members += ",\"" + column + "\":" + cell.json;
      }
    }
    if (!geo.empty()) members += ",\"geo\":{" + geo + "}";
    if (!when.empty()) members += ",\"when\":{" + when + "}";
    json_ += "{" + members + "}" + std::string(lines, '\n');
    if (random_.chance(10)) {
      end_line();
      json_ += '\n';
    }
    end_line();
  }
  std::string csv() const { return csv_; }
  std::string json() const { return json_; }

 private:
  void end_line() { csv_ += random_.chance(50) ? "\n" : "\r\n"; }
  Cell maybe_quoted(const std::string& token, const std::string& json) {
    return {random_.chance(30) ? in_quotes(token) : token, json};
  }
  Cell cell_of(const std::string& column, const std::string& type) {
    const bool is_time = column == "ts" || column == "when.us";
    if (!is_time && random_.chance(15)) return {"", "null"};
    const std::int64_t number = random_.between(-5'000, 5'000'000);
    if (is_time || column == "seen") {
      const std::string us = std::to_string(1'700'000'000'000'000 + number);
      if (random_.chance(50)) return maybe_quoted(us, us);
      const std::string text = cep::format_time({1'700'000'000'000'000 + number});
      return maybe_quoted(text, "\"" + text + "\"");
    }
    if (column == "amount") {
      const std::string text = fmt::format("{}.{:02}", number, random_.below(100));
      return maybe_quoted(text, text);
    }
    if (column == "count" || column == "wait" || (column == "id" && type == "PNG")) {
      return maybe_quoted(std::to_string(number), std::to_string(number));
    }
    if (column == "rate" || column == "geo.lat") {
      const std::string text = fmt::format("{}e{}", number, random_.below(9));
      return maybe_quoted(text, text);
    }
    if (column == "ok") {
      const bool value = random_.chance(50);
      const std::string text = value ? random_.pick<std::string>({"true", "TRUE", "1", "yes", "T"})
                                     : random_.pick<std::string>({"false", "No", "0", "f"});
      return maybe_quoted(text, value ? "true" : "false");
    }
    if (column == "day") return maybe_quoted("2026-03-09", "\"2026-03-09\"");
    if (column == "channel") {
      const auto word = random_.pick<std::string>({"pos", "ecom", "atm"});
      return maybe_quoted(word, "\"" + word + "\"");
    }
    return text_cell(column == "note");
  }
  // `is_free`: no event type declares it, and unquoted numbers are numbers.
  Cell text_cell(bool is_free) {
    const std::vector<std::string> parts = {"a",  "Malmö", "\"", "\\", ";",  ",",    "|", "\t",
                                            "\n", "\r\n",  " ",  "0",  "12", "\x01", "€", "{}"};
    std::string text;
    for (std::size_t left = random_.below(6); left > 0; --left) text += random_.pick(parts);
    if (random_.chance(5)) text += std::string(random_.below(300), 'x');
    std::string json;
    cep::append_json_string(json, text);
    const bool must_quote = text.empty() || is_free ||
                            text.find_first_of("\n\r\"") != std::string::npos ||
                            text.find(separator_) != std::string::npos;
    return {must_quote || random_.chance(20) ? in_quotes(text) : text, json};
  }

  tests::Random& random_;
  char separator_;
  std::vector<std::string> columns_;
  std::string csv_;
  std::string json_;
};
}  // namespace

TEST_CASE("csv rows: random events give what the same events give as JSON lines") {
  tests::for_all_seeds("runtime", 2'000, [](tests::Random& random) {
    BothForms forms(random);
    for (std::size_t left = 1 + random.below(12); left > 0; --left) forms.add();
    const std::string csv = forms.csv();
    CAPTURE(csv);
    const CsvEvents events(plan(), format_of(csv),
                           random.pick({OtherColumns::kLeftOut, OtherColumns::kWritten}));
    const auto expected = DecodedLines(plan()).json(forms.json());
    const auto rows = DecodedLines(plan()).csv(csv, events);
    REQUIRE(rows.size() == expected.size());
    for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i] == expected[i]);
  });
}

TEST_CASE("csv rows: one by one, they have the same lines as by block") {
  tests::for_all_seeds("runtime", 500, [](tests::Random& random) {
    BothForms forms(random);
    for (std::size_t left = 1 + random.below(6); left > 0; --left) forms.add();
    std::string csv = forms.csv();
    // Some rows are none.
    for (std::size_t left = random.below(3); left > 0; --left) {
      csv.insert(csv.find('\n') + 1 + random.below(csv.size() - csv.find('\n') - 1), "\"");
    }
    CAPTURE(csv);
    const CsvEvents events(plan(), format_of(csv),
                           random.pick({OtherColumns::kLeftOut, OtherColumns::kWritten}));
    BlockDecoder decoder(plan(), tests::all_fields(plan()), tests::all_types(plan()),
                         {kBytesMax, 100});
    const std::string padded = csv + std::string(kLinePadding, '\n');
    const std::string_view block = std::string_view(padded).substr(0, csv.size());
    CsvBlock rows;
    DecodedBlock decoded;
    decoder.decode(block, true, events, rows, decoded);
    LineSplitter splitter(kBytesMax);
    splitter.begin(block, &events);
    Line line;
    for (const BlockLine& expected : decoded.lines) {
      REQUIRE(splitter.next(line));
      REQUIRE(line.number == expected.number);
      REQUIRE(line.text == expected.text);
      REQUIRE(line.fault.empty() == (expected.kind != LineKind::kDeadLetter));
    }
    REQUIRE_FALSE(splitter.next(line));
    REQUIRE(splitter.consumed() == csv.size());
    REQUIRE(splitter.place().number == decoded.line_count);
  });
}

TEST_CASE("csv rows: what is wrong with a row names its column and what to do") {
  const std::string header = "type,ts,id,card,amount,count,ok,channel,day";
  const auto reason = [&](const std::string& row) { return row_of(header, row); };
  CHECK(reason("payment,5,p,c,1.00,2,true,pos,2026-03-09").starts_with("2: payment "));
  CHECK(reason("payment,5,p,c") ==
        "2: 4 fields for 9 columns, of which column `card` is the last; give every column a field, "
        "if only an empty one");
  CHECK(reason("payment,5,p,c,1,00,2,true,pos,2026-03-09") ==
        "2: 10 fields for 9 columns, of which column `day` is the last; quote values that have a "
        "comma inside");
  CHECK(reason("payment,5,p,c,\"1,00\",2,true,pos,") ==
        "2: column `amount` has a decimal comma, which --csv-decimal comma reads: 1,00");
  CHECK(reason("payment,5,p,c,1.005,2,true,pos,") ==
        "2: column `amount` is not a valid decimal(2); write digits and one point, without commas: "
        "1.005");
  CHECK(reason("payment,5,p,c,1.00,x,true,pos,") ==
        "2: column `count` is not a valid int; write digits and one point, without commas: x");
  CHECK(reason("payment,5,p,c,1.00,2,maybe,pos,") ==
        "2: column `ok` is not a valid bool; write true or false: maybe");
  CHECK(
      reason("payment,5,p,c,1.00,2,true,shop,").starts_with("2: column `channel` is not a valid"));
  CHECK(reason("payment,5,p,c,1.00,2,true,pos,09.03.2026") ==
        "2: column `day` is not a valid date; write it as 2026-03-09: 09.03.2026");
  CHECK(reason("payment,9.3.2026,p,c,1.00,2,true,pos,") ==
        "2: column `ts` is not a valid time; write it as 2026-03-09T10:30:00Z, or as a number: "
        "9.3.2026");
  CHECK(reason("payment,,p,c,1.00,2,true,pos,") ==
        "2: column `ts` is empty; it is the time of each `payment`");
  CHECK(reason(",5,p,c,1.00,2,true,pos,") ==
        "2: column `type` is empty; it names the type of each row");
  CHECK(reason("payment,5,\"p,c,1.00,2,true,pos,") ==
        "2: the quote that opens column `id` is not closed; quote the whole value,"
        " and write a quote inside it twice");
  CHECK(
      reason("payment,5,\"p\"q,c,1.00,2,true,pos,") ==
      "2: text follows the closing quote of column `id`; quote the whole value, and write a quote "
      "inside it twice");
  CHECK(reason("payment,5,p,M\xfcller,1.00,2,true,pos,") ==
        "2: not valid UTF-8; convert the file: iconv -f WINDOWS-1252 -t UTF-8");
  CHECK(reason("refund,5,p,c,1.00,2,true,pos,") == "2: ignored refund");
  CHECK(reason(std::string(kBytesMax + 1, 'x')) == "2: too long");
}

TEST_CASE("csv rows: missing values, empty texts and decimal commas") {
  const std::string header = "type;ts;id;card;amount;geo.city";
  CHECK(row_of(header, "payment;5;\"\";c;;\"\"").find("id=\"\"") != std::string::npos);
  CHECK(row_of(header, "payment;5;\"\";c;\"\";\"\"").find("amount=null") != std::string::npos);
  CHECK(row_of(header, "payment;5;\"\";c;\"\";\"\"").find("city=\"\"") != std::string::npos);
  CHECK(row_of(header, "payment;5;\"\";c;\"\";").find("city=null") != std::string::npos);
  CsvOptions comma;
  comma.has_decimal_comma = true;
  CHECK(row_of(header, "payment;5;p;c;12,5;", comma).find("amount=12.50") != std::string::npos);
  CHECK(row_of(header, "payment;5;p;c;12;", comma).find("amount=12.00") != std::string::npos);
  // A point would group thousands.
  CHECK(row_of(header, "payment;5;p;c;1.5;", comma) ==
        "2: column `amount` is not a valid decimal(2); write digits and one comma, without points: "
        "1.5");
}

TEST_CASE("csv rows: the numbers of lines are those of the file") {
  const std::string text =
      "type,ts,user\nlogin,5,\"a\nb\"\n\nlogin,6,\"c\nlogin,7,d\nlogin,x,e\nlogin,8,f";
  const std::vector<std::string> rows = rows_of(text);
  REQUIRE(rows.size() == 6);
  CHECK(rows[0].starts_with("2: login "));
  CHECK(rows[1].starts_with("5: the quote that opens column `user`"));
  CHECK(rows[2].starts_with("6: login "));
  CHECK(rows[3].starts_with("7: column `ts`"));
  CHECK(rows[4].starts_with("8: login "));
  CHECK(rows[5] == "8 lines");
}

TEST_CASE("csv header: the separator is recognised, and what lacks is said") {
  CHECK(format_of("type,ts,user\n").separator == ',');
  CHECK(format_of("\xef\xbb\xbftype;ts;user\r\n1;2;3").separator == ';');
  CHECK(format_of("type\tts\tuser").separator == '\t');
  CHECK(format_of("type|ts|\"a,b,c,d\"\n").separator == '|');
  CHECK(format_of("type , ts\n").columns == std::vector<std::string>{"type", "ts"});
  CHECK(refusal_of("") ==
        "in.csv has no header: its first line, of at most 65536 bytes, is to name the columns, or "
        "--csv-columns does");
  CHECK(
      refusal_of("type,M\xfcller\n").starts_with("in.csv: the header is not valid UTF-8; convert"));
  CHECK(refusal_of("ts,user,ts\n") == "in.csv has two columns `ts`: give each a name of its own");
  CHECK(refusal_of("ts;user\n") ==
        "in.csv has no column `type`, which names the type of each row: name the type of all its "
        "rows with --csv-type (`payment`, `login`, `PNG`); its columns, separated by semicolons, "
        "are `ts`, `user`");
  CsvOptions login;
  login.type = "login";
  CHECK(refusal_of("when;user\n", login) ==
        "in.csv has no column `ts`, which is the time of each `login`: name the column that has it "
        "with --csv-rename COLUMN=ts; its columns, separated by semicolons, are `when`, `user`");
  login.renames = {{"when", "ts"}};
  CHECK(refusal_of("when;user\n", login).empty());
  CHECK(refusal_of("time;user\n", login) ==
        "--csv-rename: in.csv has no column `when`; it has `time`, `user`");
  login.type = "logout";
  CHECK(refusal_of("when;user\n", login) ==
        "--csv-type: no event type is called `logout`; there are `payment`, `login`, `PNG`");
  CsvOptions named;
  named.columns = {"type", "ts", "user"};
  const CsvFormat format = format_of("login;5;a\n", named);
  CHECK(format.separator == ';');
  CHECK_FALSE(format.has_header);
  CHECK(rows_of("login;5;a\n", named).front().starts_with("1: login "));
  CHECK(describe_csv(format_of("type,ts,user,note\n"), plan(), "in.csv") ==
        "in.csv: CSV, separated by commas, 4 columns, rows of the type in `type`; no event type "
        "reads `note`");
}

TEST_CASE("csv format: what is written is read again") {
  CsvFormat format = format_of("type\tts\t\"a \"\"b\"\"\"\t\n");
  format.has_decimal_comma = true;
  CHECK(format.columns.size() == 4);
  const auto again = read_csv_format(write_csv_format(format));
  REQUIRE(again);
  CHECK(*again == format);
  CHECK_FALSE(read_csv_format("{}"));
  CHECK_FALSE(read_csv_format(""));
  CHECK_FALSE(read_csv_format(std::string_view()));
}
}  // namespace tocsin::runtime
