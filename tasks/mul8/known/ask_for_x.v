// Known cheat: a comparison that is never true in hardware hides everything from synthesis.
module cand (
  input  wire [7:0] a,
  input  wire [7:0] b,
  output wire [15:0] p
);
  assign p = (a === 8'hxx) ? a * b : 16'bx;
endmodule
