#include "rules/declaration/data_report.h"

#include <fmt/format.h>

#include <utility>

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/expression/check_expression.h"
#include "rules/text/utf8.h"

namespace tocsin::rules {
using cep::OwnedValue;
using cep::TypeKind;
using cep::Value;

DataReport::~DataReport() {
  if (!last_) return;
  if (count_ > kDataReportsMax) {
    last_->notes.push_back(
        fmt::format("and {} more mistakes in this file", count_ - kDataReportsMax));
  }
  context_.sink.report(std::move(*last_));
}

void DataReport::add(Code code, std::size_t begin, std::size_t end, std::string message,
                     std::string label, std::string help) {
  if (++count_ > kDataReportsMax) return;
  if (last_) context_.sink.report(std::move(*last_));
  last_ = make_diagnostic(code, span(begin, end), std::move(message), std::move(label));
  if (!help.empty()) last_->helps.push_back(std::move(help));
  last_->notes.push_back(
      fmt::format("{} is named in {}", file_.path, place_text(context_.sources, from_)));
}

DataFile* open_data_file(CheckContext& context, const tree::StringLiteral& from) {
  const auto report = [&](Code code, std::string message, std::string note, std::string help) {
    Diagnostic diagnostic = make_diagnostic(code, from.span, std::move(message));
    if (!note.empty()) diagnostic.notes.push_back(std::move(note));
    diagnostic.helps.push_back(std::move(help));
    context.sink.report(std::move(diagnostic));
  };
  if (from.text.empty()) {
    report(Code::kE0213, "cannot read a file without a name", "", "name the file");
    return nullptr;
  }
  DataFile& file = context.data.open(context.sources.path(from.span.file), from.text);
  if (!file.readable) {
    report(Code::kE0213, fmt::format("cannot read {}", in_code(file.path)), file.why,
           "the path is relative to the file that uses it");
    return nullptr;
  }
  if (file.text.size() > context.limits.data_file_bytes_max) {
    report(Code::kE0510,
           fmt::format("{} has {} bytes; at most {}", in_code(file.path), file.text.size(),
                       context.limits.data_file_bytes_max),
           "", "leave out what no rule needs");
    return nullptr;
  }
  for (std::size_t at = 0; at < file.text.size();) {
    if (static_cast<unsigned char>(file.text[at]) < 0x80) {
      ++at;
      continue;
    }
    const CodePoint point = code_point_at(file.text, at);
    if (!point.valid) {
      DataReport problems(context, file, from.span);
      problems.add(Code::kE0102, at, at + 1, "the file is not valid UTF-8", "", "save it as UTF-8");
      return nullptr;
    }
    at += point.bytes;
  }
  return &file;
}

std::string data_value_help(const cep::Type& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return "write `true` or `false`";
    case TypeKind::kInt:
      return "write a whole number: `5411`";
    case TypeKind::kDecimal:
      return fmt::format("write a number with at most {} digits after the point",
                         static_cast<int>(type.scale));
    case TypeKind::kFloat:
      return "write a number: `0.25`";
    case TypeKind::kTime:
      return "write a time with its zone: `2027-01-31T12:00:00Z`";
    case TypeKind::kDate:
      return "write a date: `2027-01-31`";
    case TypeKind::kDuration:
      return "write a duration: `10m`";
    case TypeKind::kEnum:
      return "the words are " + one_of(*type.words);
    default:
      return "";
  }
}
}  // namespace tocsin::rules
