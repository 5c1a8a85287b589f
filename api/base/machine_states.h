/// What the state machines of Boost.MSM share: the states of a machine by an enum of ours, the
/// names under which they are stored and shown, and MSM's numbers for them.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

#include "cep/base/assert.h"

// As <boost/msm/back/metafunctions.hpp> has it, which stays behind .cpp files.
namespace boost::msm::back {
template <class Table, class State>
struct get_state_id;
}  // namespace boost::msm::back

namespace tocsin::api {
template <typename Enum>
struct Named {
  Enum value;
  std::string_view name;
};
template <typename Enum>
struct NamedState : Named<Enum> {
  int number;  // MSM's
};
/// MSM numbers states in the order in which its table first names them: only good while the process
/// runs. Stored is the name.
template <typename Machine, typename State>
constexpr int kNumberOf = boost::msm::back::get_state_id<typename Machine::stt, State>::type::value;

/// The name of a value, which must be in the table.
template <typename Row, std::size_t count, typename Enum>
std::string_view name_in(const Row (&table)[count], Enum value) {
  for (const Row& row : table) {
    if (row.value == value) return row.name;
  }
  TOCSIN_ASSERT(false, "every value of the enum has a name");
}

/// The value of that name; nothing for any other text.
template <typename Row, std::size_t count>
auto value_named(const Row (&table)[count], std::string_view name) {
  std::optional<std::remove_const_t<decltype(Row::value)>> value;
  for (const Row& row : table) {
    if (row.name == name) value = row.value;
  }
  return value;
}

/// The state that a started machine is in.
template <typename Enum, std::size_t count, typename Machine>
Enum state_of(const NamedState<Enum> (&table)[count], const Machine& machine) {
  const int number = machine.current_state()[0];
  for (const NamedState<Enum>& row : table) {
    if (row.number == number) return row.value;
  }
  TOCSIN_ASSERT(false, "every state has a number");
}
}  // namespace tocsin::api
