#include "api/rules/sample_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "api/rules/sample_reader.h"
#include "cep/value/time_unit.h"
#include "cep/value/value.h"
#include "rules/syntax/keywords.h"

namespace tocsin::api {
namespace {
using cep::TimeUnit;

// ---- names

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A name of the language from any text, other than those `taken`.
std::string name_from(std::string_view text, std::set<std::string>& taken) {
  std::string name;
  for (const char c : text) name += is_letter(c) || is_digit(c) ? c : '_';
  if (name.empty() || is_digit(name.front())) name.insert(name.begin(), '_');
  std::string unique = name;
  for (int i = 2; !taken.insert(unique).second; ++i) unique = fmt::format("{}_{}", name, i);
  return unique;
}
std::string written(const std::string& name) {
  return rules::is_keyword(name) ? fmt::format("`{}`", name) : name;
}
std::string json_text(std::string_view text) {
  std::string out;
  cep::append_json_string(out, text);
  return out;
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) {
    return name == end || (name.size() > end.size() && name.ends_with(end) &&
                           (name[name.size() - end.size() - 1] == '_' ||
                            name[name.size() - end.size() - 1] == '.'));
  });
}
// Whether a field of this name may be a time where its numbers could be.
bool sounds_like_time(std::string_view path) {
  std::string small(path);
  std::ranges::transform(small, small.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return ends_with_any(small, {"ts", "time", "timestamp", "datetime", "date", "at", "when", "us",
                               "ms", "ns"}) ||
         small.ends_with("time") || small.ends_with("timestamp");
}

// ---- types

struct Declared {
  std::string name;
  std::string type;  // as written, without `?`
  bool is_time = false;
  std::optional<TimeUnit> unit;  // of numbers
  bool any_year = false;
  bool optional = false;
  bool is_id = false;
  bool is_event_time = false;
  const SeenField* seen = nullptr;
};

// The unit in which all numbers of the field are plausible times.
std::optional<TimeUnit> unit_of(const SeenField& field) {
  for (std::size_t i = 0; i < kSampleUnits.size(); ++i) {
    if (field.numbers > 0 && field.plausible[i] == field.numbers) return kSampleUnits[i];
  }
  return std::nullopt;
}
bool is_time_number(const SeenField& field) {
  return field.numbers == field.values && unit_of(field) && sounds_like_time(field.path);
}
bool is_time_text(const SeenField& field) {
  return field.values > 0 && field.times == field.values;
}

// Nothing for a field of values of several types.
std::optional<std::string> plain_type(const SeenField& field) {
  if (field.values == 0) return std::nullopt;
  if (field.bools == field.values) return "bool";
  if (field.texts == field.values) return field.dates == field.values ? "date" : "string";
  if (field.numbers != field.values) return std::nullopt;
  if (field.has_exponent || field.is_large || field.digits > 9) return "float";
  return field.digits == 0 ? "int" : fmt::format("decimal({})", field.digits);
}

class TypeWriter {
 public:
  TypeWriter(const SeenType& type, std::string name, std::vector<std::string>& notes)
      : type_(type), name_(std::move(name)), notes_(notes) {}

  // False for a type without an event time.
  bool choose() {
    const SeenField* const time = event_time();
    if (time == nullptr) return false;
    std::set<std::string> taken;
    for (const SeenField& field : type_.fields) {
      if (field.path != "type") add(field, &field == time, taken);
    }
    for (Declared& field : fields_) {
      const std::string& path = field.seen->path;
      const bool is_named_id = path == "id" || path == "event_id" || path == name_ + "_id" ||
                               path == "uuid" || path == "transaction_id";
      if (!is_named_id || !field.seen->is_distinct || field.optional) continue;
      if (field.type != "string" && field.type != "int") continue;
      field.is_id = true;
      break;
    }
    return true;
  }

  std::string declaration() const {
    std::string out = "event " + name_;
    if (name_ != type_.json_type) out += " from " + json_text(type_.json_type);
    out += " {\n";
    for (const Declared& field : fields_) {
      out += fmt::format("  {}: {}{}", field.name, field.type, field.optional ? "?" : "");
      if (field.unit && *field.unit != TimeUnit::kMicroseconds) {
        out += fmt::format(" in {}", cep::time_unit_name(*field.unit));
      }
      if (field.any_year) out += " from 1970";
      if (field.is_event_time && field.name != "ts") out += " key";
      if (field.is_id) out += " id";
      if (field.seen->path != field.name) out += " from " + json_text(field.seen->path);
      out += ",\n";
    }
    return out + "}\n";
  }

  // The field that most likely says whose event it is: of those whose values come again, the one
  // with the most different values. Null where there is none.
  const Declared* key() const {
    const Declared* best = nullptr;
    for (const Declared& field : fields_) {
      if (field.type != "string" || field.optional || field.is_id || field.seen->is_distinct) {
        continue;
      }
      if (best == nullptr || field.seen->values_seen.size() > best->seen->values_seen.size()) {
        best = &field;
      }
    }
    return best;
  }
  const std::string& name() const { return name_; }
  std::uint64_t events() const { return type_.events; }

 private:
  const SeenField* event_time() const {
    const auto can_be = [&](const SeenField& field) {
      return field.values == type_.events && (is_time_text(field) || is_time_number(field));
    };
    for (const char* name :
         {"ts", "timestamp", "event_time", "time", "at", "created_at", "occurred_at", "datetime"}) {
      for (const SeenField& field : type_.fields) {
        if (field.path == name && can_be(field)) return &field;
      }
    }
    const auto first = std::ranges::find_if(type_.fields, can_be);
    if (first != type_.fields.end()) return &*first;
    // Numbers of no plausible unit.
    for (const SeenField& field : type_.fields) {
      if (field.path == "ts" && field.numbers == type_.events && field.digits == 0) return &field;
    }
    return nullptr;
  }

  void add(const SeenField& field, bool is_event_time, std::set<std::string>& taken) {
    Declared made;
    made.seen = &field;
    made.is_event_time = is_event_time;
    made.is_time = is_event_time || is_time_text(field) || is_time_number(field);
    if (made.is_time) {
      made.type = "time";
      if (field.numbers > 0) {
        made.unit = unit_of(field);
        made.any_year = !made.unit;
        say_unit(made, field);
      }
    } else if (const auto type = plain_type(field)) {
      made.type = *type;
    } else {
      notes_.push_back(field.values == 0
                           ? fmt::format("{}.{} is always null: it is left out", name_, field.path)
                           : fmt::format("{}.{} has values of several types: it is left out", name_,
                                         field.path));
      return;
    }
    made.optional = field.values < type_.events;
    made.name = name_from(field.path, taken);
    fields_.push_back(std::move(made));
  }
  void say_unit(const Declared& made, const SeenField& field) {
    if (made.any_year) {
      notes_.push_back(
          fmt::format("the numbers of {}.{} lie between 1990 and 2100 in no unit: "
                      "check them",
                      name_, field.path));
    } else {
      notes_.push_back(fmt::format("{}.{} counts {}", name_, field.path,
                                   *made.unit == TimeUnit::kSeconds        ? "seconds"
                                   : *made.unit == TimeUnit::kMilliseconds ? "milliseconds"
                                   : *made.unit == TimeUnit::kNanoseconds  ? "nanoseconds"
                                                                           : "microseconds"));
    }
  }

  const SeenType& type_;
  std::string name_;
  std::vector<std::string>& notes_;
  std::vector<Declared> fields_;
};

// ---- the pack

std::string rules_text(const TypeWriter& type) {
  const std::string kind = written(type.name());
  const Declared* const key = type.key();
  const std::string by = key != nullptr ? written(key->name) : std::string();
  std::string out = fmt::format(
      "# A first rule, to be replaced by yours. The tests below it say what it is to find, and "
      "what "
      "not.\n"
      "use \"schema.tocsin\"\n\n");
  if (key == nullptr) {
    out += fmt::format(
        "rule first \"Every {0}\" {{\n"
        "  severity low\n"
        "  when {1}\n"
        "  once per 1h\n"
        "  alert \"A {0}\"\n"
        "  allow no_key \"one alert an hour for all events\"\n"
        "  allow untested_rule \"any event raises it\"\n"
        "}}\n\n"
        "test first \"one in an hour\" {{\n"
        "  0m   {1} {{}}\n"
        "  59m  {1} {{}}\n"
        "  60m  {1} {{}}\n"
        "  expect alert at 0m\n"
        "  expect alert at 60m\n"
        "}}\n\n"
        "test first \"one event, one alert\" {{\n"
        "  0m  {1} {{}}\n"
        "  expect alert at 0m\n"
        "}}\n",
        type.name(), kind);
    return out;
  }
  const std::string feature = type.name() + "_10m";
  const auto events = [&](const char* last) {
    std::string lines;
    for (const char* at : {"0s", "1m", "2m", "3m", "4m", last}) {
      lines += fmt::format("  {0:<{1}}  {2} {{ {3}: \"a\" }}\n", at, std::string_view(last).size(),
                           kind, by);
    }
    return lines;
  };
  out += fmt::format("feature {} = count({}) by {} over last 10m\n\n", feature, kind, by);
  out += fmt::format(
      "rule many_{0} \"Six {0} in ten minutes\" {{\n"
      "  severity medium\n"
      "  by {1}\n"
      "  when {2} where {3} >= 6\n"
      "  once per 30m\n"
      "  alert \"{{{3}}} {0} in ten minutes of {{{1}}}\"\n"
      "}}\n\n",
      type.name(), by, kind, feature);
  out += fmt::format(
      "test many_{} \"the sixth within ten minutes\" {{\n{}  expect alert at 9m59s\n}}\n\n",
      type.name(), events("9m59s"));
  out += fmt::format(
      "test many_{} \"the first of six is ten minutes old\" {{\n{}  expect no alert\n}}\n",
      type.name(), events("10m"));
  return out;
}

constexpr const char* kReadme = R"(# {0}

Rules for Tocsin. `schema.tocsin` says what events look like, as a sample of them showed; `rules.tocsin` has a first rule and its tests.

    tocsin check .                                    # what is wrong with the rules
    tocsin test .                                     # run the tests in the files
    tocsin run rules.tocsin --input {1}     # alerts from the sample
    tocsin fmt .                                      # lay out the files

Look the schema over first: which field is the event time and what its numbers count, which one is the `id`, which may be missing (`?`), and how far out
of order events may come (`up to 30s late` behind the event time). Then write a rule and two tests: one that fires, one that nearly does.
)";

std::vector<std::string> notes_of(const Sample& sample) {
  std::vector<std::string> notes;
  if (sample.has_array) notes.emplace_back("arrays are left out");
  if (sample.has_odd_key)
    notes.emplace_back("members whose names are empty or have a point are left out");
  if (sample.untyped > 0) {
    notes.push_back(
        fmt::format("{} of the lines are no JSON objects with a text `type`: they were passed over",
                    sample.untyped));
  }
  return notes;
}
}  // namespace

Result<SamplePack> pack_of_sample(const std::string& path, const std::string& name) {
  const Result<Sample> sample = read_sample(path);
  if (!sample) return tl::unexpected(sample.error());
  if (sample->types.empty()) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: no line is an event, which is one JSON object with a text `type`: "
                            "{{\"type\":\"payment\",\"ts\":1772452800000,…}}",
                            path));
  }
  SamplePack pack;
  pack.notes = notes_of(*sample);
  std::string schema = fmt::format(
      "# What the events of {} look like. One event is one line of JSON; its `type` is the name of "
      "an "
      "event type.\n",
      path);
  std::set<std::string> taken;
  std::vector<TypeWriter> writers;
  for (const SeenType& type : sample->types) {
    TypeWriter writer(type, name_from(type.json_type, taken), pack.notes);
    if (!writer.choose()) {
      pack.notes.push_back(
          fmt::format("{} has no field that can be its event time, a number or text as in "
                      "2026-11-20T10:00:00Z: it is left out",
                      json_text(type.json_type)));
      continue;
    }
    schema += "\n" + writer.declaration();
    writers.push_back(std::move(writer));
  }
  if (writers.empty()) {
    return fail(
        Errc::kInvalidArgument,
        fmt::format("{}: no field of the events can be their event time: a number of s, ms, "
                    "us or ns since 1970 in a field such as `ts`, or text as in "
                    "2026-11-20T10:00:00Z",
                    path));
  }
  const auto most = std::ranges::max_element(writers, {}, &TypeWriter::events);
  pack.files = {{"README.md", fmt::format(fmt::runtime(kReadme), name, path)},
                {"schema.tocsin", schema},
                {"rules.tocsin", rules_text(*most)}};
  return pack;
}
}  // namespace tocsin::api
