/// The formatter of rule files: one layout and no options. Comments stay, with what they were
/// written at; so does one empty line where the author left some, and every name, number, string
/// and duration as it was written.
///
/// Held to, and checked each time: the text laid out has the same tree and the same comments in the
/// same order. Formatting it again changes nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "rules/parse/parser.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// The text of file `file` laid out anew: UTF-8 without a byte-order mark, lines end in one line
/// feed. Nothing where it has mistakes of syntax; they are in `sink`, and only they.
std::optional<std::string> format(const SourceMap& sources, std::uint32_t file,
                                  DiagnosticSink& sink, const ParseLimits& limits = {});
}  // namespace tocsin::rules
