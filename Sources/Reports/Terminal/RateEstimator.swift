// SPDX-License-Identifier: Apache-2.0
/// How quickly work goes now: over the last half minute, so that a slow start does not spoil the estimate and a change
/// of pace shows.
struct RateEstimator: Sendable {
  private var samples: [(time: Double, completed: Int)]
  private static let window = 30.0
  private static let spacing = 0.5

  init(time: Double, completed: Int) {
    samples = [(time, completed)]
  }

  mutating func record(time: Double, completed: Int) {
    if samples.count > 1, time - samples[samples.count - 2].time < Self.spacing {
      samples[samples.count - 1] = (time, completed)
    } else {
      samples.append((time, completed))
    }
    // Keep one sample older than the window: the rate spans at least the window once there is that much.
    while samples.count > 2, time - samples[1].time > Self.window { samples.removeFirst() }
  }

  /// Units a second; nil before anything was done.
  var rate: Double? {
    guard let first = samples.first, let last = samples.last else { return nil }
    let (time, work) = (last.time - first.time, last.completed - first.completed)
    return time > 0 && work > 0 ? Double(work) / time : nil
  }
}
