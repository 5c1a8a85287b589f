/// The pages about diagnostics, docs/errors/CODE.md, where this program has them beside it.
#pragma once
#include <string>
#include <string_view>

namespace tocsin::api {
/// The URI of the page about an error's code or a warning's name; empty where there is none.
/// Installed, a program has its pages in `../share/doc/tocsin/errors`; one that was built in a
/// checkout, in `docs/errors` of it. They are looked for once.
std::string error_page_uri(std::string_view code);
}  // namespace tocsin::api
