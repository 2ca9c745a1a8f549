// Known bad: wrong for one of 2^32 pairs, which random vectors hardly meet.
module cand (
  input  wire [15:0] a,
  input  wire [15:0] b,
  output wire [31:0] p
);
  wire [31:0] exact = a * b;
  assign p = exact ^ {31'd0, a == 16'h5a37 && b == 16'hc3e9};
endmodule
