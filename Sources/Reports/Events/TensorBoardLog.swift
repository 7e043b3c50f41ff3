// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation

/// The numbers of a run as a file that TensorBoard opens: TFRecords of `Event` messages.
///
/// Field numbers and types are those of `tensorboard/compat/proto/{event,summary,histogram,tensor,tensor_shape}.proto` in
/// the Python package tensorboard 2.21.0.
public final class TensorBoardLog {
  private let file: AppendedFile

  /// Starts a file in `folder`, beside those of earlier runs if there are any.
  ///
  /// - Parameters:
  ///   - step: the step that the run resumes after; nil if it begins. TensorBoard then forgets what earlier files say
  ///     about later steps.
  ///   - time: seconds since 1970.
  public init(folder: String, resumingAfter step: Int? = nil, time: Double) throws(InputError) {
    file = try Self.newFile(in: folder, time: time)
    try write(time: time) { $0.add(3, "brain.Event:2".utf8) }  // file_version
    guard let step else { return }
    try write(step: step + 1, time: time) { $0.add(7, .with { $0.add(1, 1) }) }  // session_log { status: START }
  }

  /// Adds values, each under its tag; `train/loss` appears in the group `train`.
  public func write(step: Int, time: Double, _ values: [(String, Double)]) throws(InputError) {
    try write(step: step, time: time) { event in
      let summary = ProtobufMessage.with { summary in
        for (tag, value) in values {
          summary.add(
            1,
            .with {
              $0.add(1, tag.utf8)
              $0.add(2, member: Float(value))  // simple_value
            })
        }
      }
      event.add(5, summary)
    }
  }

  /// Adds a text, which TensorBoard shows as Markdown.
  public func write(step: Int, time: Double, _ tag: String, text: String) throws(InputError) {
    try summary(step, time, tag) { value in
      let tensor = ProtobufMessage.with {
        $0.add(1, 7)  // dtype: DT_STRING
        $0.add(2, .with { $0.add(2, .with { $0.add(1, 1) }) })  // tensor_shape { dim { size: 1 } }
        $0.add(8, text.utf8)  // string_val
      }
      value.add(8, tensor)
      value.add(9, .with { $0.add(1, .with { $0.add(1, "text".utf8) }) })  // metadata { plugin_data { plugin_name } }
    }
  }

  /// Adds how often values fall into each of 30 equal parts of their range; those not finite are left out.
  public func write(step: Int, time: Double, _ tag: String, histogram values: [Double]) throws(InputError) {
    let finite = values.filter { abs($0) <= 1e300 }
    let bins = Series.histograms([(tag, finite)])[0]
    guard case .bins(let width) = bins.style else { return }  // nothing to count
    let histogram = ProtobufMessage.with {
      $0.add(1, finite.min() ?? 0)
      $0.add(2, finite.max() ?? 0)
      $0.add(3, Double(finite.count))
      $0.add(4, finite.reduce(0, +))
      $0.add(5, finite.reduce(0) { $0 + $1 * $1 })
      $0.add(6, packed: bins.points.map { $0.x + width / 2 })  // bucket_limit
      $0.add(7, packed: bins.points.map(\.y))  // bucket
    }
    try summary(step, time, tag) { $0.add(5, histogram) }
  }

  /// Adds a PNG image of three channels.
  public func write(
    step: Int, time: Double, _ tag: String, png: [UInt8], width: Int, height: Int
  ) throws(InputError) {
    let image = ProtobufMessage.with {
      $0.add(1, height)
      $0.add(2, width)
      $0.add(3, 3)  // colorspace
      $0.add(4, png)
    }
    try summary(step, time, tag) { $0.add(4, image) }
  }

  /// Returns when everything written is on the disk.
  public func sync() throws(InputError) { try file.sync() }

  /// An event with one value of one tag.
  private func summary(
    _ step: Int, _ time: Double, _ tag: String, _ fill: (inout ProtobufMessage) -> Void
  ) throws(InputError) {
    var value = ProtobufMessage()
    value.add(1, tag.utf8)
    fill(&value)
    try write(step: step, time: time) { $0.add(5, .with { $0.add(1, value) }) }
  }

  private func write(step: Int = 0, time: Double, _ fill: (inout ProtobufMessage) -> Void) throws(InputError) {
    var event = ProtobufMessage()
    event.add(1, time)  // wall_time
    event.add(2, step)
    fill(&event)
    try file.append(tfRecord(event.bytes))
  }

  /// TensorBoard reads every file whose name holds `tfevents`, in the order of their names.
  private static func newFile(in folder: String, time: Double) throws(InputError) -> AppendedFile {
    let process = ProcessInfo.processInfo
    let seconds = "\(Int(time))"
    let host = process.hostName.split(separator: "/").joined()
    let padded = String(repeating: "0", count: max(0, 10 - seconds.count)) + seconds
    let name = "\(folder)/events.out.tfevents.\(padded).\(host).\(process.processIdentifier)"
    // Runs that start within one second in one process are told apart by a last number.
    for number in 0..<1000 where !fileExists("\(name).\(number)") {
      return try AppendedFile("\(name).\(number)", existing: .refused)
    }
    return try AppendedFile("\(name).1000", existing: .refused)
  }
}
