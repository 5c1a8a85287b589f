/// The command line library's types by name alone: its header costs seconds to compile.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
class Option;
}  // namespace CLI
