/// The life of one delivery, as a state machine.
///
///   state       | event     | next                     guard
///   pending     | attempt   | sending
///   backing off | attempt   | sending
///   sending     | accepted  | delivered
///   sending     | failed    | backing off            | attempts are left
///   sending     | failed    | dead                   | no attempt is left
///   any of these| abandoned | dead
///
/// Delivered and dead are ends. Any other event in a state is our own mistake.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string_view>

namespace tocsin::api {
enum class DeliveryState : std::uint8_t { kPending, kSending, kBackingOff, kDelivered, kDead };
/// The name under which a state is stored and shown: "pending", "sending", "backing_off",
/// "delivered", "dead".
std::string_view name_of(DeliveryState state);
std::ostream& operator<<(std::ostream& out, DeliveryState state);

/// Threading: one thread at a time.
class DeliveryMachine {
 public:
  /// A pending delivery that may be tried `attempts_max` times in all, of which `attempts_made` are
  /// over, less than all.
  explicit DeliveryMachine(std::uint32_t attempts_max, std::uint32_t attempts_made = 0);
  DeliveryMachine(DeliveryMachine&&) noexcept;
  DeliveryMachine& operator=(DeliveryMachine&&) noexcept;
  ~DeliveryMachine();

  DeliveryState state() const;
  /// Attempts begun, those made before included.
  std::uint32_t attempts() const;
  /// From now on an attempt is always left.
  void lift_attempt_limit();

  void begin_attempt();
  void accepted();
  void failed();
  void abandon();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::api
