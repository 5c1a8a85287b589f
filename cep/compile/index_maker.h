/// Makes the index over predicates (cep/compile/predicate_index.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tocsin::cep {
class ProgramImpl;
/// How many of a table's predicates stay dense although the index could find them.
struct DenseLimits {
  std::size_t all = 32;   // a table of no more predicates keeps all of them so
  std::size_t wide = 64;  // that are dense, or of which only a range or a word of an enum selects
  /// Where a table has more operators, both are 0: a mask has a bit for each dense operator.
  std::size_t operators = 1'024;
};
/// Makes the index of a program whose predicates and operators are complete, and says of each table
/// which of its predicates and operators are dense (TableProgram). `wakes`: by table, then op - 1,
/// the predicates for which the operator runs at keys that hold nothing of it.
void make_predicate_index(ProgramImpl& program,
                          const std::vector<std::vector<std::vector<std::uint32_t>>>& wakes,
                          const DenseLimits& limits);
}  // namespace tocsin::cep
