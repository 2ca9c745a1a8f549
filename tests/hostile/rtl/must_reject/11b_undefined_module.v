module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  multiplier m(.a(a), .b(b), .p(p));
endmodule
