// SPDX-License-Identifier: Apache-2.0
import Files
public import Foundation
import Synchronization

/// A place where text appears, and what it can do.
///
/// A value: tests make their own, and nothing is asked of the process behind the caller's back.
public struct Terminal: Sendable {
  /// Columns and rows.
  public struct Size: Sendable, Hashable {
    /// Characters in a row.
    public var columns: Int
    /// Rows.
    public var rows: Int

    /// Memberwise.
    public init(columns: Int, rows: Int) {
      self.columns = columns
      self.rows = rows
    }
  }

  /// Whether lines may be drawn over: a terminal, and not a dumb one.
  public var isInteractive: Bool
  /// Whether colours and bold may be used.
  public var hasColor: Bool
  /// Whether characters beyond ASCII can be shown.
  public var hasUnicode: Bool
  /// The size now: a window may be resized at any time.
  public var size: @Sendable () -> Size
  /// Writes text as it is.
  public var write: @Sendable (String) -> Void

  /// Memberwise.
  public init(
    isInteractive: Bool, hasColor: Bool, hasUnicode: Bool, size: @escaping @Sendable () -> Size,
    write: @escaping @Sendable (String) -> Void
  ) {
    self.isInteractive = isInteractive
    self.hasColor = hasColor
    self.hasUnicode = hasUnicode
    self.size = size
    self.write = write
  }

  /// The process's standard error: where progress belongs, so that standard output stays for data.
  public static var standardError: Terminal { isMuted.withLock { $0 } ? .silent : Terminal(descriptor: 2) }

  /// The process's standard output.
  public static var standardOutput: Terminal { isMuted.withLock { $0 } ? .silent : Terminal(descriptor: 1) }

  private static let isMuted = Mutex(false)

  /// Makes the process's own terminals silent, where another process says the same.
  public static func mute() { isMuted.withLock { $0 = true } }

  /// Takes everything and shows nothing: for one of several processes that say the same.
  public static let silent = Terminal(
    isInteractive: false, hasColor: false, hasUnicode: true, size: { Size(columns: 80, rows: 24) }, write: { _ in })

  /// An open file descriptor, judged by `isatty` and by the environment: `TERM=dumb` and `NO_COLOR` (no-color.org) are
  /// respected, the character set is that of `LC_ALL`, `LC_CTYPE` or `LANG`, and `COLUMNS` is the width where there is
  /// no window to ask.
  public init(descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment) {
    let isTerminal = isatty(descriptor) == 1 && environment["TERM", default: "dumb"] != "dumb"
    isInteractive = isTerminal
    hasColor = isTerminal && environment["NO_COLOR", default: ""].isEmpty
    hasUnicode = Self.speaksUTF8(environment)
    let fallback = Size(columns: environment["COLUMNS"].flatMap { Int($0) } ?? 80, rows: 24)
    size = { isTerminal ? Self.windowSize(of: descriptor) ?? fallback : fallback }
    // Nobody is left to tell that the terminal is gone, and work must not stop because of it.
    let stream = ByteStream(descriptor: descriptor, name: "<terminal>")
    write = { _ = stream.tryWrite($0) }
  }

  private static func speaksUTF8(_ environment: [String: String]) -> Bool {
    // The first that is set decides, as in setlocale(3).
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    return ["utf-8", "utf8"].contains { locale.lowercased().contains($0) }
  }

  private static func windowSize(of descriptor: Int32) -> Size? {
    var window = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else { return nil }
    return Size(columns: Int(window.ws_col), rows: Int(window.ws_row))
  }
}

/// How text may look; the raw value is its SGR code (ECMA-48).
public enum TextStyle: Int, Sendable, Hashable {
  /// Heavy.
  case bold = 1
  /// Faint.
  case dim = 2
  /// For errors.
  case red = 31
  /// For success.
  case green = 32
  /// For warnings.
  case yellow = 33
  /// A colour.
  case blue = 34
  /// A colour.
  case magenta = 35
  /// A colour.
  case cyan = 36
}

extension Terminal {
  /// Ellipsis of text left out.
  var ellipsis: String { hasUnicode ? "…" : "~" }

  /// Sentences as this terminal shows them: broken between words where lines are drawn, further lines `indent` columns
  /// in; elsewhere on one line, so that who reads a pipe finds them whole.
  ///
  /// - Parameters:
  ///   - indent: columns that stand before the first line already.
  ///   - width: columns in all; nil asks the terminal.
  public func prose(_ text: String, indent: Int = 0, width: Int? = nil) -> String {
    guard isInteractive else { return text.onOneLine }
    return text.onOneLine.wrapped(to: max(20, (width ?? size().columns) - indent))
      .joined(separator: "\n" + String(repeating: " ", count: indent))
  }

  /// Writes a remark on a line of its own.
  public func note(_ text: String) { write("note: \(prose(text, indent: 6))\n") }

  /// `text` in these styles, or as it is where the terminal has none.
  public func styled(_ text: String, _ styles: TextStyle...) -> String {
    guard hasColor, !styles.isEmpty, !text.isEmpty else { return text }
    return "\u{1B}[\(styles.map { "\($0.rawValue)" }.joined(separator: ";"))m\(text)\u{1B}[0m"
  }
}
