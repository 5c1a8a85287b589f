/// What can be done about a place: corrections of mistakes, missing event types declared, warnings
/// switched off, tests added, and what stands above rules and tests to be run.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "library/language/checked_pack.h"

namespace tocsin::library {
enum class ActionKind : std::uint8_t { kFix, kRewrite };
struct CodeAction {
  std::string title;
  ActionKind kind = ActionKind::kFix;
  std::vector<rules::Edit> edits;
  /// By place in CheckedPack::loaded().diagnostics: what it does away with.
  std::optional<std::size_t> diagnostic;
  bool preferred = false;  // the one that a key press chooses
};
/// The actions for the text between two bytes, in one file.
std::vector<CodeAction> code_actions(const CheckedPack& pack, std::uint32_t file,
                                     std::uint32_t begin, std::uint32_t end);
/// All corrections of a file that are sure and do not touch each other.
std::vector<rules::Edit> all_fixes(const CheckedPack& pack, std::uint32_t file);

/// A rule with tests, or a test.
struct Lens {
  SymbolPlace symbol = 0;
  std::size_t tests = 0;  // of a rule, in its file
};
/// Of a file, in the order of the text.
std::vector<Lens> lenses(const CheckedPack& pack, std::uint32_t file);

/// The last of a text's lines at `byte`: where a new line may be inserted behind it.
std::uint32_t end_of_line(std::string_view text, std::uint32_t byte);
}  // namespace tocsin::library
