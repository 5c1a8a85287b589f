#include "runtime/event_time/line_reports.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/plan/plan.h"
#include "runtime/io/topic_partition.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kExamplesMax = 5;
// That are kept.
constexpr std::size_t kReasonsMax = 256;
constexpr std::size_t kReasonBytesMax = 512;

void save_texts(ByteWriter& writer, const std::vector<std::string>& texts) {
  writer.varint(texts.size());
  for (const std::string& text : texts) writer.text(text);
}
std::vector<std::string> read_texts(ByteReader& reader) {
  std::vector<std::string> texts;
  for (std::uint64_t left = reader.varint_up_to(reader.left()); left > 0; --left) {
    texts.emplace_back(reader.text());
  }
  return texts;
}
}  // namespace

LineReports::LineReports(const cep::Plan& plan, UnknownTypes unknown_types, IntakeSinks sinks,
                         RunSummary& summary)
    : plan_(&plan), unknown_types_(unknown_types), sinks_(std::move(sinks)), summary_(summary) {}

void LineReports::judge(cep::ArrivalNumber arrival, LineFate fate, cep::Duration late_by,
                        std::string reason) {
  if (sinks_.judged) sinks_.judged({arrival, fate, late_by, std::move(reason)});
}

void LineReports::late(const SourceLine& from, cep::EventTime ts, const Lateness& lateness) {
  ++summary_.late;
  judge(from.arrival, LineFate::kLate, lateness.by);
  if (!sinks_.late) return;
  sinks_.late({std::string(name_of(from)), from.line.number, ts, lateness.by, from.line.whole(),
               from.arrival, lateness.moved_by, lateness.moved_to});
}

void LineReports::dead_letter(const SourceLine& from, std::string reason) {
  ++summary_.dead_letters;
  if (sinks_.judged) judge(from.arrival, LineFate::kDead, {}, reason);
  if (!sinks_.dead_letter) return;
  sinks_.dead_letter({std::string(name_of(from)), from.line.number, std::move(reason),
                      from.line.whole().substr(0, LineSource::kPrefixBytesMax), from.arrival});
}

void LineReports::too_long(const SourceLine& from, std::size_t line_bytes_max) {
  dead_letter(from, fmt::format("the line is longer than {} bytes", line_bytes_max));
}

void LineReports::too_far_ahead(const SourceLine& from, cep::EventTypeIndex type, cep::EventTime ts,
                                cep::Duration ahead_max) {
  const cep::EventType& declared = plan_->event_types[type.value];
  dead_letter(from, fmt::format("event time `{}` of `{}` is more than {} ahead of the clock: {}",
                                declared.fields[declared.time_field.value].name, declared.name,
                                cep::format_duration(ahead_max), cep::format_time(ts)));
}

void LineReports::jump_rejected(std::string_view source, const HeldLine& held,
                                cep::Duration jump_max) {
  const std::string_view producer = std::exchange(producer_, held.producer);
  ++summary_.jumps_rejected;
  const Line line{held.text, held.number};
  dead_letter({source, line, held.arrival},
              fmt::format("event time is more than {} ahead of the events before it, and {} events "
                          "after it were not: {}, from {}",
                          cep::format_duration(jump_max), JumpHold::kAgainstMax,
                          cep::format_time(held.ts), cep::format_time(held.jumped_from)));
  producer_ = producer;
}

void LineReports::no_event(const SourceLine& from, LineKind kind, const LineFault& fault) {
  if (kind == LineKind::kIgnored) {
    unknown_type(from, fault.problem.offender);
  } else {
    dead_letter(from, dead_letter_text(fault.problem, fault.type));
  }
}

void LineReports::unknown_type(const SourceLine& from, std::string_view token) {
  if (unknown_types_ == UnknownTypes::kDead) {
    dead_letter(from, unknown_reason(type_text(token)));
    return;
  }
  ++summary_.ignored;
  if (sinks_.judged) judge(from.arrival, LineFate::kIgnored, {}, type_text(token));
  if (ignored_types_.size() == kExamplesMax || token == ignored_last_) return;
  ignored_last_ = token;
  std::string type = type_text(token);
  if (std::ranges::find(ignored_types_, type) != ignored_types_.end()) return;
  summary_.ignored_examples.push_back(
      fmt::format("{} at {}", type, line_place(from.source, from.line.number)));
  ignored_types_.push_back(std::move(type));
}

// Types of others come again and again: the reasons of some are kept.
const std::string& LineReports::unknown_reason(const std::string& type) {
  if (const auto known = known_reasons_.find(type); known != known_reasons_.end()) {
    return known->second;
  }
  if (!unknown_reasons_) unknown_reasons_.emplace(*plan_);
  std::string reason = unknown_reasons_->of(type);
  const bool is_long = reason.size() > kReasonBytesMax;
  if (is_long || known_reasons_.size() >= kReasonsMax) known_reasons_.clear();
  return known_reasons_.insert_or_assign(type, std::move(reason)).first->second;
}

void LineReports::field_missing(const SourceLine& from, const FieldProblem& problem) {
  ++summary_.fields_missing;
  if (summary_.fields_missing_examples.size() == kExamplesMax) return;
  const std::string place = line_place(from.source, from.line.number);
  summary_.fields_missing_examples.push_back(field_problem_text(*plan_, problem, place));
}

void LineReports::save(ByteWriter& writer) const {
  for (const std::uint64_t count :
       {summary_.lines, summary_.events, summary_.ignored, summary_.dead_letters, summary_.late,
        summary_.clamped, summary_.fields_missing, summary_.repeats, summary_.jumps,
        summary_.jumps_rejected}) {
    writer.varint(count);
  }
  writer.i64(summary_.first_event.us);
  writer.i64(summary_.last_event.us);
  save_texts(writer, ignored_types_);
  save_texts(writer, summary_.ignored_examples);
  save_texts(writer, summary_.fields_missing_examples);
}

void LineReports::restore(ByteReader& reader, bool has_jumps) {
  for (std::uint64_t* const count :
       {&summary_.lines, &summary_.events, &summary_.ignored, &summary_.dead_letters,
        &summary_.late, &summary_.clamped, &summary_.fields_missing, &summary_.repeats}) {
    *count = reader.varint();
  }
  if (has_jumps) {
    summary_.jumps = reader.varint();
    summary_.jumps_rejected = reader.varint();
  }
  summary_.first_event.us = reader.i64();
  summary_.last_event.us = reader.i64();
  ignored_types_ = read_texts(reader);
  ignored_last_.clear();
  summary_.ignored_examples = read_texts(reader);
  summary_.fields_missing_examples = read_texts(reader);
}
}  // namespace tocsin::runtime
