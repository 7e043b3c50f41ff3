// SPDX-License-Identifier: Apache-2.0
/// The element types of NumPy's files that dist2 knows; the raw value is the `descr` that NumPy writes.
public enum NumPyType: String, Sendable, CaseIterable {
  /// A byte that is 0 or 1.
  case bool = "|b1"
  /// Whole numbers without sign.
  case u8 = "|u1"
  case u16 = "<u2"
  case u32 = "<u4"
  case u64 = "<u8"
  /// Whole numbers with sign.
  case i8 = "|i1"
  case i16 = "<i2"
  case i32 = "<i4"
  case i64 = "<i8"
  /// IEEE 754 half, single and double.
  case f16 = "<f2"
  case f32 = "<f4"
  case f64 = "<f8"

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .bool, .u8, .i8: 1
    case .u16, .i16, .f16: 2
    case .u32, .i32, .f32: 4
    case .u64, .i64, .f64: 8
    }
  }

  /// The type of a `descr`. The byte order of a single byte means nothing and may be any.
  init?(descr: String) {
    if let exact = Self(rawValue: descr) {
      self = exact
    } else if descr.count == 3, let single = Self(rawValue: "|" + descr.dropFirst()) {
      self = single
    } else {
      return nil
    }
  }
}
