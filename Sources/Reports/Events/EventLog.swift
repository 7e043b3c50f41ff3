// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation

/// Logs of a run in progress: `metrics.jsonl` for programs, an event file for TensorBoard.
///
///     let log = try EventLog(folder: "runs/7", resumingAfter: checkpoint?.step)
///     try log.write(step: step, [("train/loss", loss), ("train/norm", norm)])
public final class EventLog {
  /// The JSON lines.
  public let metrics: MetricsLog
  /// The file for TensorBoard.
  public let tensorBoard: TensorBoardLog
  private let now: () -> Double

  /// Starts both files in `folder`, which must be there.
  ///
  /// - Parameters:
  ///   - step: the step that the run resumes after; nil if it begins.
  ///   - now: seconds since 1970.
  public init(
    folder: String, resumingAfter step: Int? = nil, now: @escaping () -> Double = secondsSince1970
  ) throws(InputError) {
    self.now = now
    metrics = try MetricsLog(path: folder + "/metrics.jsonl", resumingAfter: step)
    tensorBoard = try TensorBoardLog(folder: folder, resumingAfter: step, time: now())
  }

  /// Writes the values of a step to both.
  public func write(step: Int, _ values: [(String, Double)]) throws(InputError) {
    let time = now()
    try metrics.write(step: step, time: time, values)
    try tensorBoard.write(step: step, time: time, values)
  }

  /// Writes a text, for TensorBoard alone.
  public func write(step: Int, _ tag: String, text: String) throws(InputError) {
    try tensorBoard.write(step: step, time: now(), tag, text: text)
  }

  /// Returns when everything written is on the disk. Belongs beside each checkpoint.
  public func sync() throws(InputError) {
    try metrics.sync()
    try tensorBoard.sync()
  }
}

/// The time of day, in seconds since 1970.
public func secondsSince1970() -> Double { Date().timeIntervalSince1970 }
