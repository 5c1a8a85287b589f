#include "api/node/archive_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "rules/text/human_text.h"
#include "runtime/io/side_output_line.h"

namespace tocsin::api {
namespace {
std::string span_text(const runtime::TimeSpan& span) {
  if (span.is_empty()) return "-";
  return fmt::format("{} to {}", cep::format_time(span.first), cep::format_time(span.last));
}
nlohmann::ordered_json span_json(const runtime::TimeSpan& span) {
  if (span.is_empty()) return nullptr;
  return {cep::format_time(span.first), cep::format_time(span.last)};
}
}  // namespace

std::string archive_file_text(const runtime::ArchiveFile& file) {
  return fmt::format("records {} to {}, {}\n  arrived  {}\n  events   {}, {}\n",
                     rules::format_count(file.header.first_sequence),
                     rules::format_count(file.footer.end_sequence - 1),
                     rules::format_bytes(file.bytes), span_text(file.footer.taken),
                     rules::format_count(file.footer.events), span_text(file.footer.times));
}

std::string archive_file_json(const runtime::ArchiveFile& file) {
  return nlohmann::ordered_json{
      {"file", file.path},
      {"bytes", file.bytes},
      {"records", {file.header.first_sequence, file.footer.end_sequence - 1}},
      {"lines", file.footer.lines},
      {"events", file.footer.events},
      {"taken_at", span_json(file.footer.taken)},
      {"ts", span_json(file.footer.times)}}
      .dump();
}

std::string archived_line_json(const runtime::ArchivedLine& line) {
  std::string json =
      fmt::format(R"({{"arrival":"{}:{}","input":)", line.arrival.record, line.arrival.index);
  runtime::append_json_text(json, line.source);
  json += fmt::format(R"(,"taken_at":"{}")", cep::format_time(line.taken_at));
  if (line.ts) json += fmt::format(R"(,"ts":"{}")", cep::format_time(*line.ts));
  json += R"(,"text":)";
  runtime::append_json_text(json, line.text);
  return json + '}';
}
}  // namespace tocsin::api
