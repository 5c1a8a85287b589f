/// Where names are declared and used, and what has to change for another name.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "library/language/checked_pack.h"

namespace tocsin::library {
/// The declarations of the name there; of a path behind `use`, the begin of that file. Empty where
/// there is none.
std::vector<rules::SourceSpan> definitions_at(const CheckedPack& pack, std::uint32_t file,
                                              std::uint32_t byte);
/// All uses of the name there, with its declarations or without; by place.
std::vector<rules::SourceSpan> references_at(const CheckedPack& pack, std::uint32_t file,
                                             std::uint32_t byte, bool with_declarations);
/// The name there that can be changed. Errors: kNotFound where nothing can, with the reason.
Result<rules::SourceSpan> renamable_at(const CheckedPack& pack, std::uint32_t file,
                                       std::uint32_t byte);
/// What gives the name there another name, in all files of the set: in conditions, messages and
/// tests. A field that is one name in several event types changes in all of them. A name that needs
/// them gets back-quotes. Errors: kNotFound as renamable_at(), kInvalidArgument for what cannot be
/// a name, and for one after which the rules would have more errors than before. `read_file`: as of
/// CheckedPack.
Result<std::vector<rules::Edit>> rename_at(const CheckedPack& pack, std::uint32_t file,
                                           std::uint32_t byte, const std::string& name,
                                           const rules::ReadFile& read_file);
}  // namespace tocsin::library
