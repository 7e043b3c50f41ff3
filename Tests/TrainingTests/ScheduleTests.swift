// SPDX-License-Identifier: Apache-2.0
import Testing
import Training

@Suite struct ScheduleTests {
  struct Case: Decodable {
    var shape: Schedule.Shape
    var warmUp: Int
    var total: Int
    var factors: [Double]
  }

  @Test func factorsAreThoseOfTransformers() throws {
    let cases: [Case] = try Fixture.json("schedules.json")
    #expect(cases.count == 12)
    for wanted in cases {
      let schedule = Schedule(wanted.shape, warmUp: .steps(wanted.warmUp))
      for (step, factor) in wanted.factors.enumerated() {
        #expect(abs(schedule.factor(step: step, of: wanted.total) - factor) < 1e-14, "\(wanted) at \(step)")
      }
    }
  }

  /// transformers: `math.ceil(num_training_steps * warmup_ratio)`.
  @Test(arguments: [(0.3, 10, 3), (0.03, 100, 3), (0.03, 101, 4), (0, 5, 0), (1, 5, 5)])
  func warmUpRatiosAreRoundedUp(ratio: Double, total: Int, steps: Int) {
    #expect(Schedule.WarmUp.ratio(ratio).steps(of: total) == steps)
  }
}
