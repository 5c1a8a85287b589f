// Any bytes as input lines. Whether a line is an event, of which type and when, does not depend on
// what the rules read of it, and is for valid JSON what another parser makes of it; a row's columns
// hold what decoding its line anew gives. Marking the structure of many lines at once changes none,
// nor does decoding them as a block.
#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/batch.h"
#include "cep/plan/plan.h"
#include "cep/value/value.h"
#include "runtime/decode/decode_problem.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/decode/decoder.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/io/line_source.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
cep::Field field(std::string name, cep::TypeKind kind, std::vector<std::string> path = {},
                 bool optional = true) {
  cep::Field f;
  f.path = path.empty() ? std::vector<std::string>{name} : std::move(path);
  f.name = std::move(name);
  f.type.kind = kind;
  if (kind == cep::TypeKind::kDecimal) f.type.scale = 2;
  if (kind == cep::TypeKind::kEnum) {
    f.type.words = std::make_shared<const std::vector<std::string>>(
        std::vector<std::string>{"pos", "ecom", "a \"b\""});
  }
  f.optional = optional;
  return f;
}

// A field of each type, at the top, below it, and twice from one place; one event type with an id,
// one without.
cep::Plan make_plan() {
  using enum cep::TypeKind;
  cep::EventType payment;
  payment.name = "payment";
  payment.json_type = "payment";
  payment.fields = {field("ts", kTime, {}, false),
                    field("id", kString, {}, false),
                    field("amount", kDecimal),
                    field("count", kInt, {}, false),
                    field("rate", kFloat, {"geo", "rate"}),
                    field("place", kString, {"geo", "at", "name"}),
                    field("ok", kBool),
                    field("day", kDate),
                    field("seen", kTime, {"day"}),
                    field("took", kDuration),
                    field("channel", kEnum),
                    field("odd", kString, {"a\"\\b\tc"})};
  payment.time_field = cep::FieldIndex(std::size_t{0});
  payment.id_field = cep::FieldIndex(std::size_t{1});
  cep::EventType login = payment;
  login.name = "login";
  login.json_type = "log\"in";
  login.id_field.reset();
  cep::Plan plan;
  plan.event_types = {std::move(payment), std::move(login)};
  return plan;
}

const cep::Plan& plan() {
  static const cep::Plan kPlan = make_plan();
  return kPlan;
}

// What another parser finds at the top of a line. `type` and `ts` are the first of their names.
class Shape : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool is_object = false;
  bool has_type = false;
  std::optional<std::string> type;
  bool has_time = false;
  std::optional<std::int64_t> time;

  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
      return other();
    return number(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    const std::optional<std::int64_t> value = cep::parse_decimal(text, 0);
    return value ? number(*value) : other();
  }
  bool string(string_t& text) override {
    if (takes("type")) type = text;
    if (takes("ts")) {
      const std::optional<cep::EventTime> parsed = cep::parse_time(text);
      if (parsed) time = parsed->us;
    }
    return other();
  }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    if (depth_ == 0) is_object = true;
    other();
    ++depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    other();
    ++depth_;
    return true;
  }
  bool end_object() override { return up(); }
  bool end_array() override { return up(); }
  bool key(string_t& name) override {
    if (depth_ == 1) key_ = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  // Whether the current value is the first of this name.
  bool takes(std::string_view name) const {
    return depth_ == 1 && key_ == name && !(name == "type" ? has_type : has_time);
  }
  bool number(std::int64_t value) {
    if (takes("ts")) time = value;
    return other();
  }
  bool other() {
    if (depth_ == 1 && key_ == "type") has_type = true;
    if (depth_ == 1 && key_ == "ts") has_time = true;
    return true;
  }
  bool up() {
    --depth_;
    return true;
  }

  int depth_ = 0;
  std::string key_;
};

void check_against_reference(std::string_view line, const runtime::Decoded& decoded) {
  // The other parser passes over a byte-order mark and ends at a zero byte.
  if (line.starts_with("\xef\xbb\xbf") || line.find('\0') != std::string_view::npos) return;
  Shape shape;
  if (!nlohmann::json::sax_parse(line, &shape)) return;
  std::optional<std::size_t> type;
  for (std::size_t i = 0; shape.type && i < plan().event_types.size(); ++i) {
    if (plan().event_types[i].json_type == *shape.type) type = i;
  }
  if (!shape.is_object || !shape.type) {
    require(decoded.kind == runtime::LineKind::kDeadLetter,
            "what is no object with a type is a dead letter");
  } else if (!type) {
    require(decoded.kind == runtime::LineKind::kIgnored, "a type that is not declared is ignored");
  } else if (!shape.time || *shape.time < cep::kEventTimeMin.us ||
             *shape.time > cep::kEventTimeMax.us) {
    require(decoded.kind == runtime::LineKind::kDeadLetter,
            "an event without a valid time is a dead letter");
  } else {
    require(decoded.kind == runtime::LineKind::kEvent,
            "valid JSON with a type and a time is an event");
    require(decoded.type.value == *type, "the event has the type that it names");
    require(decoded.ts.us == *shape.time, "the event has the time that it names");
  }
}

void check_value(const cep::Value& value) {
  if (value.kind == cep::ValueKind::kFloat)
    require(value.real - value.real == 0, "floats are finite");
  std::string json;
  cep::append_json(json, value);
  require(nlohmann::json::accept(json), "a value is shown as JSON");
}

class Lines {
 public:
  Lines()
      : all_(plan(), {std::vector<bool>(kFields, true), std::vector<bool>(kFields, true)},
             {true, true}),
        together_(plan(), {std::vector<bool>(kFields, true), std::vector<bool>(kFields, true)},
                  {true, true}),
        some_(plan(), {alternating(), alternating()}, {true, false}),
        none_(plan(), {std::vector<bool>(kFields, false), std::vector<bool>(kFields, false)},
              {false, false}),
        block_decoder_(plan(), {std::vector<bool>(kFields, true), std::vector<bool>(kFields, true)},
                       {true, true}, {kLineBytesMax, kRowsPerBatchMax}) {}

  void try_text(std::string_view text) {
    cep::Batch all(plan());
    cep::Batch some(plan());
    cep::Batch none(plan());
    cep::Batch together(plan());
    const std::string whole = std::string(text) + std::string(runtime::kLinePadding, '}');
    text = std::string_view(whole).substr(0, text.size());
    marked_.begin(text);
    together_.begin(together);
    all_.begin(all);
    some_.begin(some);
    none_.begin(none);
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      try_line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    all_.finish();
    some_.finish();
    none_.finish();
    together_.finish();
    require(together.rows.size() == all.rows.size(), "the same rows are kept");
    check_block(std::string_view(whole).substr(0, whole.size() - runtime::kLinePadding));
    check_batch(all);
    check_batch(together);
    check_batch(some);
    require(none.rows.empty(), "a type that nothing uses has no rows");
    lines_.clear();
  }

 private:
  static constexpr std::size_t kFields = 12;
  static constexpr std::size_t kLineBytesMax = 1'000;
  static constexpr std::size_t kRowsPerBatchMax = 3;
  static std::vector<bool> alternating() {
    std::vector<bool> used(kFields);
    for (std::size_t i = 0; i < kFields; i += 2) used[i] = true;
    return used;
  }

  void try_line(std::string_view text) {
    // Rows borrow their line until the batch is done with; what follows the line is anything.
    auto copy = std::make_unique<std::string>(text);
    copy->append(runtime::kLinePadding, '"');
    const std::string_view line = std::string_view(*copy).substr(0, text.size());
    lines_.push_back(std::move(copy));
    const runtime::Decoded decoded = try_decoder(all_, line);
    for (runtime::Decoder* other : {&some_, &none_}) {
      const runtime::Decoded again = try_decoder(*other, line);
      require(again.kind == decoded.kind,
              "whether a line is an event does not depend on what is read of it");
      if (decoded.kind != runtime::LineKind::kEvent) continue;
      require(again.type == decoded.type && again.ts == decoded.ts,
              "nor does the event's type or time");
    }
    check_against_reference(line, decoded);
    const runtime::Decoded again = try_decoder(together_, text, &marked_);
    require(again.kind == decoded.kind && again.used == decoded.used && again.ts == decoded.ts &&
                again.type == decoded.type,
            "marking many lines at once changes none");
    if (again.kind == runtime::LineKind::kDeadLetter) {
      require(together_.dead_letter_reason() == all_.dead_letter_reason(), "nor what is wrong");
    }
  }

  runtime::Decoded try_decoder(runtime::Decoder& decoder, std::string_view line,
                               runtime::MarkedLines* marked = nullptr) {
    const runtime::Decoded decoded = decoder.decode(line, marked);
    switch (decoded.kind) {
      case runtime::LineKind::kDeadLetter:
        require(!decoder.dead_letter_reason().empty(), "a dead letter has a reason");
        break;
      case runtime::LineKind::kIgnored:
        decoder.ignored_type();
        break;
      case runtime::LineKind::kEvent:
        for (const runtime::FieldProblem& problem : decoder.problems()) {
          require(!decoder.describe(problem, "lines:1").empty(), "a problem is described");
        }
        if (!decoded.used) break;
        // Some events are set aside.
        if (line.size() % 5 == 3) {
          decoder.drop();
        } else {
          decoder.keep(decoded.ts, cep::ArrivalNumber{lines_.size(), 0});
        }
        break;
    }
    return decoded;
  }

  // The lines of a block against each by itself, as they follow each other.
  void check_block(std::string_view text) {
    block_decoder_.decode(text, true, block_);
    auto line = block_.lines.begin();
    auto problem = block_.problems.begin();
    auto fault = block_.faults.begin();
    std::size_t rows = 0;
    std::uint64_t number = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      runtime::Line alone;
      const bool is_line = runtime::make_line(text.substr(0, end), ++number, kLineBytesMax, alone);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (!is_line) continue;
      require(line != block_.lines.end() && line->text == alone.text && line->number == number &&
                  line->too_long == alone.too_long,
              "a block has the lines that its text has");
      if (!alone.too_long) check_block_line(*line, problem, fault, rows);
      ++line;
    }
    require(line == block_.lines.end() && problem == block_.problems.end() &&
                fault == block_.faults.end() && block_.line_count == number,
            "a block has nothing else");
  }
  void check_block_line(const runtime::BlockLine& line,
                        std::vector<runtime::DecodedBlock::Problem>::iterator& problem,
                        std::vector<runtime::LineFault>::iterator& fault, std::size_t& rows) {
    const std::string copy = std::string(line.text) + std::string(runtime::kLinePadding, '}');
    cep::Batch batch(plan());
    all_.begin(batch);
    const runtime::Decoded alone = all_.decode(std::string_view(copy).substr(0, line.text.size()));
    require(line.kind == alone.kind && line.used == alone.used, "a line of a block is what it is");
    if (alone.kind != runtime::LineKind::kEvent) {
      require(fault != block_.faults.end(), "a line that is no event has a fault");
      const runtime::LineProblem& said = fault->problem;
      const bool is_ignored = alone.kind == runtime::LineKind::kIgnored;
      require(is_ignored ? runtime::type_text(said.offender) == all_.ignored_type()
                         : dead_letter_text(said, fault->type) == all_.dead_letter_reason(),
              "with what is wrong");
      ++fault;
      all_.finish();
      return;
    }
    require(line.type == alone.type && line.ts == alone.ts, "with its type and time");
    for (const runtime::FieldProblem& one : all_.problems()) {
      require(problem != block_.problems.end() &&
                  all_.describe(problem->problem, "") == all_.describe(one, ""),
              "and what is wrong with its fields");
      ++problem;
    }
    if (alone.used) {
      all_.keep(alone.ts, {});
      const cep::Batch& of = *block_.batches[rows / kRowsPerBatchMax];
      const cep::Row& row = of.rows[rows % kRowsPerBatchMax];
      for (std::size_t f = 0; f < kFields; ++f) {
        require(cep::same_value(of.value(plan(), row, cep::FieldIndex(f)),
                                batch.value(plan(), batch.rows[0], cep::FieldIndex(f))),
                "and its values");
      }
      ++rows;
    }
    all_.finish();
  }

  static void check_batch(const cep::Batch& batch) {
    cep::TextArena scratch;
    for (const cep::Row& row : batch.rows) {
      std::vector<cep::Value> anew;
      if (!row.raw.empty()) anew = runtime::declared_fields(plan(), row, scratch);
      for (std::size_t f = 0; f < kFields; ++f) {
        const cep::Value value = batch.value(plan(), row, cep::FieldIndex(f));
        check_value(value);
        if (anew.empty() || batch.types[row.type.value].fields[f].known.empty()) continue;
        require(cep::same_value(value, anew[f]), "a column holds what its line says");
      }
    }
  }

  runtime::Decoder all_;
  runtime::Decoder together_;  // as all_, by the marks of all lines
  runtime::MarkedLines marked_;
  runtime::Decoder some_;
  runtime::Decoder none_;
  std::vector<std::unique_ptr<std::string>> lines_;
  runtime::BlockDecoder block_decoder_;
  runtime::DecodedBlock block_;
};
}  // namespace
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static tocsin::fuzz::Lines lines;
  lines.try_text(tocsin::fuzz::text_of(data, size));
  return 0;
}
