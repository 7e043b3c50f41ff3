// SPDX-License-Identifier: Apache-2.0
import Reports
import Testing

@Suite struct QuantityTests {
  @Test(arguments: [
    (Quantity.duration(0), "0 s"), (.duration(0.0042), "4.2 ms"), (.duration(0.4), "0.4 s"), (.duration(9.94), "9.9 s"),
    (.duration(9.96), "10 s"), (.duration(59.6), "1 min 0 s"), (.duration(192), "3 min 12 s"),
    (.duration(3599.7), "1 h 0 min"), (.duration(7260), "2 h 1 min"), (.duration(90_000), "1 d 1 h"),
    (.duration(-61), "-1 min 1 s"), (.duration(.infinity), "∞"), (.duration(.nan), "NaN"), (.duration(1e300), "∞"),
    (.bytes(0), "0 B"), (.bytes(1023), "1023 B"), (.bytes(1024), "1.0 KiB"), (.bytes(1_610_612_736), "1.5 GiB"),
    (.bytes(1_048_575), "1.0 MiB"), (.bytes(-2048), "-2.0 KiB"), (.bytes(.max), "8.0 EiB"),
    (.count(0), "0"), (.count(999), "999"), (.count(1_234_567), "1,234,567"), (.count(-1000), "-1,000"),
    (.count(.min), "-9,223,372,036,854,775,808"),
    (.number(0), "0"), (.number(0.012345), "0.01235"), (.number(1234.5), "1234"), (.number(2), "2"),
    (.number(1.5e-7), "1.5e-7"), (.number(3e20), "3e20"), (.number(-.infinity), "-∞"), (.number(.nan), "NaN"),
    (.fixed(0.0004, decimals: 3), "0.000"), (.fixed(-0.0004, decimals: 3), "0.000"),
    (.fixed(1.0005, decimals: 1), "1.0"), (.fixed(1e22, decimals: 3), "1e22"),
    (.rate(12.34, unit: "step"), "12.3 step/s"), (.rate(0.25, unit: "step"), "4 s/step"),
    (.rate(12_345, unit: "tok"), "12.3k tok/s"), (.rate(0, unit: "step"), "0 step/s"),
    (.percent(0.62), "62 %"), (.percent(0.021), "2.1 %"), (.percent(0), "0 %"), (.percent(1), "100 %"),
    (.text("a\tb"), "a\tb"),
  ])
  func reads(_ quantity: Quantity, _ text: String) {
    #expect(quantity.description == text)
  }
}
